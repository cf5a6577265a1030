// Files of the program that FRR's scripts use.
import { placeOf } from '../../base/place.js'

/** What /etc/frr/daemons sources. */
export const FRR_DAEMONS = placeOf('packaging/frr-daemons.sh')
export const RESTART_BGPD = placeOf('packaging/restart-bgpd')
