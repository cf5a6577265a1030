import { readFileSync } from 'node:fs'
import { programFile } from './place.js'

/** The version in package.json. */
export const version: string = (() => {
  const text = readFileSync(programFile('package.json'), 'utf8')
  const manifest: unknown = JSON.parse(text)
  const found =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined
  return typeof found === 'string' ? found : 'unknown'
})()
