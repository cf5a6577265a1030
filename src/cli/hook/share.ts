// Files of the program that FRR's scripts use.
import { programFile } from '../../base/place.js'

/** What /etc/frr/daemons sources. */
export const FRR_DAEMONS = programFile('packaging/frr-daemons.sh')
export const RESTART_BGPD = programFile('packaging/restart-bgpd')
