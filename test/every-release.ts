// The same tests on every FRR release of the laboratory.
import { suite } from 'node:test'
import { type Release, RELEASES } from '../lab/frr.js'

/**
 * Defines tests once for each release. Those of one release run one after the other; the releases run side by side, each
 * in fabrics of its own, since such tests mostly wait for daemons.
 */
export function everyRelease(define: (frr: Release) => void): void {
  suite('every release', { concurrency: RELEASES.length }, () => {
    for (const frr of RELEASES) {
      suite(`FRR ${frr}`, () => {
        define(frr)
      })
    }
  })
}
