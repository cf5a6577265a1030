import { readFileSync } from 'node:fs'

/** The version in package.json, which is in the root above dist/src/base. */
export const version: string = (() => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  const manifest: unknown = JSON.parse(text)
  const found =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined
  return typeof found === 'string' ? found : 'unknown'
})()
