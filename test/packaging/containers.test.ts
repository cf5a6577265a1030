// What makes containers of macipd, checked without a builder or containerlab: what it names is there, and what it runs is
// understood.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { parse } from 'yaml'
import { DEFAULTS } from '../../src/config/defaults.js'
import { createMacipd } from '../../src/cli/macipd.js'
import { ROOT } from '../../lab/frr.js'
import { FakeIo } from '../../lab/in-process.js'

const read = (path: string): string => readFileSync(join(ROOT, 'packaging', path), 'utf8')
const isScript = (text: string): void => {
  execFileSync('sh', ['-n'], { input: text, stdio: ['pipe', 'ignore', 'pipe'] })
}

type Instruction = { name: string; words: string }

/** Of a Containerfile: comments are taken out, and lines that go on put together. */
const instructionsOf = (text: string): Instruction[] =>
  text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, name = '', words = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? assert.fail(line)
      return { name, words }
    })

suite('the Containerfile', () => {
  const instructions = instructionsOf(read('container/Containerfile'))

  test('has known instructions only, and begins each of its stages with the same image', () => {
    const known = ['ARG', 'FROM', 'RUN', 'COPY', 'WORKDIR', 'ENTRYPOINT', 'CMD']
    assert.deepEqual(
      instructions.filter(({ name }) => !known.includes(name)),
      [],
    )
    const stages = instructions.filter(({ name }) => name === 'FROM').map(({ words }) => words)
    assert.deepEqual(stages, ['${BASE} AS build', '${BASE}'])
    assert.deepEqual(instructions[0], { name: 'ARG', words: 'BASE=docker.io/library/debian:trixie-slim' })
  })

  test('runs what a shell and macipd understand, of files that are there', () => {
    for (const { name, words } of instructions) {
      if (name === 'RUN') {
        isScript(words)
        for (const [script] of words.matchAll(/tools\/\S+\.mjs/g)) assert.ok(existsSync(join(ROOT, script)), script)
      }
      if (name === 'ENTRYPOINT' || name === 'CMD') assert.ok(Array.isArray(JSON.parse(words)), words)
      const [from = ''] = name === 'COPY' ? words.split(' ') : []
      if (from !== '' && !from.startsWith('--from=')) assert.ok(existsSync(join(ROOT, from)), from)
    }
    isScript(read('container/entrypoint'))
  })
})

type Node = {
  kind: string
  image: string
  cmd?: string
  binds?: string[]
  exec?: string[]
  'network-mode'?: string
}
type Topology = { name: string; topology: { nodes: Record<string, Node>; links: { endpoints: string[] }[] } }

suite('the topology for containerlab', () => {
  const { topology } = parse(read('containerlab/macipd.clab.yml')) as Topology
  const nodes = Object.entries(topology.nodes)

  test('links and shares between nodes that are there', () => {
    const ends = topology.links.flatMap(({ endpoints }) => endpoints)
    assert.equal(new Set(ends).size, ends.length)
    const named = [
      ...ends.map((end) => /^(\w+):eth[1-9]$/.exec(end)?.[1] ?? end),
      ...nodes.flatMap(([, { 'network-mode': mode = '' }]) => /^container:(.*)$/.exec(mode)?.[1] ?? []),
    ]
    assert.deepEqual(
      named.filter((name) => topology.nodes[name] === undefined),
      [],
    )
    // each interface that a node sets up is an end of a link
    for (const [name, { exec = [] }] of nodes)
      for (const [device] of exec.join('\n').matchAll(/\beth\d+/g))
        assert.ok(ends.includes(`${name}:${device}`), `${name}:${device}`)
  })

  test('gives leaf, relay and snooper the directories in which they look for each other', () => {
    for (const number of [1, 2]) {
      const shared = [`run/leaf${number}/frr:${DEFAULTS.zebraDir}`, `run/leaf${number}/macipd:${DEFAULTS.runDir}`]
      for (const name of ['leaf', 'relay', 'snoop'])
        for (const bind of shared)
          assert.ok(topology.nodes[`${name}${number}`]?.binds?.includes(bind), `${name}: ${bind}`)
    }
    const files = nodes.flatMap(([, { binds = [] }]) => binds.map((bind) => bind.split(':')[0] ?? ''))
    for (const file of files.filter((it) => !it.startsWith('run/'))) read(`containerlab/${file}`)
  })

  test('starts macipd with commands and options that it has', () => {
    const commands = nodes.flatMap(([, { image, cmd }]) => (image.includes('macipd') && cmd !== undefined ? [cmd] : []))
    assert.equal(commands.length, 4)
    for (const text of commands) {
      const [name, ...words] = text.split(' ')
      const command = createMacipd(new FakeIo()).commands.find((it) => it.name() === name) ?? assert.fail(text)
      assert.deepEqual(command.parseOptions(words).unknown, [])
    }
  })

  test('has bgpd reach zebra through the relay', () => {
    const options = execFileSync(
      'sh',
      ['-c', '. "$0"; echo "$bgpd_options"', join(ROOT, 'packaging/containerlab/daemons')],
      {
        encoding: 'utf8',
      },
    )
    assert.match(options, new RegExp(`-z ${DEFAULTS.runDir}/zserv\\.api$`, 'm'))
    for (const number of [1, 2]) assert.match(read(`containerlab/leaf${number}.conf`), /advertise-all-vni/)
  })
})
