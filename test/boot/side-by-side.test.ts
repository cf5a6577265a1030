// Systems that run side by side are apart: what stops a service in one leaves the other's alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DebianSystem } from '../../lab/debian-system.js'

test('services of the same name on two systems are each stopped alone', async () => {
  await using one = await DebianSystem.boot('12')
  await using other = await DebianSystem.boot('13')
  for (const system of [one, other]) await system.run('systemd-run --quiet --unit=same sleep infinity')
  await one.run('systemctl kill --signal=KILL same.service; systemctl stop same.service || true')
  assert.equal(await other.run('systemctl is-active same.service', [0, 3]), 'active\n')
})
