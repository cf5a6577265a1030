import type { Context, Measurement } from './measurement.js'

export function benchRelay(_context: Context): Promise<Measurement[]> {
  return Promise.resolve([])
}
