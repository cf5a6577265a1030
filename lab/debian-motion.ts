// Hosts and routes of a node on a booted Debian, half of them in motion, while something happens to the node.
import type { DebianSystem } from './debian-system.js'
import { waitFor } from './wait.js'

/** Of hosts and of routes, so many stay as they are, and as many change. */
const STILL = { hosts: 25, routes: 50 }

const SOURCE = '/root/motion.py'
/** The number of the round that was finished last, which says what addresses those in motion have; and that it stays the last. */
const ROUND = '/run/motion'

/**
 * Every host speaks twice a second. Those in motion take another address every two seconds, until SIGUSR1: a port may not say
 * more new addresses at once.
 */
const HOSTS = `
import signal, socket, struct, time
rests = []
signal.signal(signal.SIGUSR1, lambda *_: rests.append(1))
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
port.bind(("eth0", 0))
def speak(host, subnet):
    mac = bytes([2, 0, 0, 0, 1, host])
    ip = bytes([10, 2, subnet, host])
    port.send(b"\\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + mac + ip + bytes(6) + ip)
begin = time.monotonic()
round = 1
while True:
    if not rests:
        round = 1 + int((time.monotonic() - begin) / 2)
    for host in range(${2 * STILL.hosts}):
        speak(host, 2 if host < ${STILL.hosts} else 2 + round)
    open("${ROUND}", "w").write(f"{round} {'rests' if rests else ''}")
    time.sleep(0.5)
`

/** Routes of the kernel, which bgpd is told of by zebra. */
const ROUTES = `
for i in {1..${2 * STILL.routes}}; do ip route add blackhole 198.18.0.$i; done
while sleep 0.1; do
  i=$((${STILL.routes} + 1 + RANDOM % ${STILL.routes}))
  ip route del blackhole 198.18.0.$i && ip route add blackhole 198.18.0.$i
done
`

/** What the peer has of the node's hosts: by IP, when that was last said, milliseconds; FRR shows it to within a second. */
type Said = ReadonlyMap<string, number>

export class DebianMotion implements AsyncDisposable {
  private constructor(private readonly system: DebianSystem) {}

  /** Resolves when the peer knows all, some seconds after the still hosts were announced. */
  static async start(system: DebianSystem): Promise<DebianMotion> {
    await system.run(`cat > ${SOURCE} <<'END'\n${HOSTS}END\n
      systemd-run --quiet --unit=motion-hosts ip netns exec vm python3 ${SOURCE}
      systemd-run --quiet --unit=motion-routes bash -c '${ROUTES}'`)
    const motion = new DebianMotion(system)
    await motion.known(3)
    return motion
  }

  /** The still hosts, and when each was last announced. */
  async still(): Promise<Said> {
    return new Map([...(await this.said())].filter(([ip]) => ip.startsWith('10.2.2.')))
  }

  /** Lets everything come to rest; resolves when the peer knows all of it as it is then. */
  async rest(): Promise<void> {
    const { system } = this
    await system.run(
      `systemctl kill --signal=USR1 motion-hosts.service; systemctl stop motion-routes.service
       for i in {1..${2 * STILL.routes}}; do ip route replace blackhole 198.18.0.$i; done`,
    )
    const round = (): Promise<string> => system.run(`cat ${ROUND}`)
    const last = await waitFor('the hosts to come to rest', round, (text) => text.endsWith('rests'))
    await this.known(parseInt(last))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.system.run(
      `systemctl stop motion-hosts.service motion-routes.service 2> /dev/null || true
       for i in {1..${2 * STILL.routes}}; do ip route del blackhole 198.18.0.$i || true; done 2> /dev/null`,
    )
  }

  /** Waits until the peer has all hosts as they spoke in that round, or in a later one, and all routes. */
  private async known(round: number): Promise<void> {
    await waitFor(
      `the peer to have all hosts as in round ${round}, and all routes`,
      async () => {
        const said = await this.said()
        const hosts = new Set<string>()
        for (const ip of said.keys()) {
          const [, , subnet, host] = ip.split('.')
          if (Number(host) < STILL.hosts || Number(subnet) >= 2 + round) hosts.add(host ?? '')
        }
        const routes = await this.system.run(
          `vtysh -N peer -c 'show bgp ipv4 unicast' | grep -c '198\\.18\\.0\\.' || true`,
        )
        return { hosts: hosts.size, routes: Number(routes) }
      },
      ({ hosts, routes }) => hosts === 2 * STILL.hosts && routes === 2 * STILL.routes,
      { timeoutMs: 60_000 },
    )
  }

  private async said(): Promise<Said> {
    const text = await this.system.run(`vtysh -N peer -c 'show bgp l2vpn evpn route detail type macip' || true`)
    const entry =
      /entry for [^\n]*\[2\]:\[0\]:\[48\]:\[02:00:00:00:01:..\]:\[32\]:\[([\d.]+)\][^]*?Last update: ([^\n]+)/g
    return new Map([...text.matchAll(entry)].map(([, ip = '', at = '']) => [ip, Date.parse(at)]))
  }
}
