// How advice names the command that restarts bgpd. watchfrr.sh by itself would start it in the caller's control group, and it
// would end with the caller's session.
import { pathspaceOf } from '../../config/settings.js'

/** @param zebra path of zebra's socket, which names the path space */
export function restartBgpdCommand(zebra: string): string {
  const pathspace = pathspaceOf(zebra)
  return `macipctl hook install ${pathspace === undefined ? '' : `-N ${pathspace} `}--restart-bgpd`
}
