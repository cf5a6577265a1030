// The files that are installed beside the programs, which other programs use.
import { fileURLToPath } from 'node:url'

/** Their directory; in a source tree packaging/, above dist/src/cli/hook. */
const SHARE = fileURLToPath(new URL('../../../../packaging/', import.meta.url))

/** What /etc/frr/daemons sources. */
export const FRR_DAEMONS = `${SHARE}frr-daemons.sh`
export const RESTART_BGPD = `${SHARE}restart-bgpd`
