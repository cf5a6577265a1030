import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Compiles an eBPF program with the given body, for tc or XDP, and hands the path of the object file to `use`. */
export function withProgram<T>(body: string, use: (path: string) => T, section: 'tc' | 'xdp' = 'tc'): T {
  const directory = mkdtempSync(join(tmpdir(), 'macipd-bpf-'))
  const path = join(directory, 'program.o')
  const architecture = execFileSync('cc', ['-print-multiarch'], { encoding: 'utf8' }).trim()
  const source = `
    #include <linux/bpf.h>
    #include <bpf/bpf_helpers.h>
    SEC("${section}") int program(struct ${section === 'tc' ? '__sk_buff' : 'xdp_md'} *skb) { ${body} }
    char licence[] SEC("license") = "Dual BSD/GPL";`
  try {
    const flags = ['-O2', '-g', '-target', 'bpf', `-I/usr/include/${architecture}`]
    execFileSync('clang', [...flags, '-x', 'c', '-c', '-', '-o', path], { input: source })
    return use(path)
  } finally {
    rmSync(directory, { recursive: true })
  }
}
