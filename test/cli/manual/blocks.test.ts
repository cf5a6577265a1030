import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHelpText, sentence } from '../../../src/cli/manual/blocks.js'
import { parseMarkdown } from '../../../src/cli/manual/markdown.js'
import { render } from '../../../src/cli/manual/roff.js'

test('the texts of --help fall into paragraphs, lists and what is typed', () => {
  const text = `
JSON: one object
on each line, with
  keeper, relay
            what they say of themselves
  id        a number
 10  and so is this

Examples:
  macipctl status
  macipctl  check`
  assert.deepEqual(parseHelpText(text), [
    { kind: 'paragraph', text: 'JSON: one object on each line, with' },
    {
      kind: 'list',
      items: [
        { term: 'keeper, relay', text: 'what they say of themselves' },
        { term: 'id', text: 'a number' },
        { term: '10', text: 'and so is this' },
      ],
    },
    { kind: 'paragraph', text: 'Examples:' },
    {
      kind: 'list',
      items: [
        { term: 'macipctl status', text: '' },
        { term: 'macipctl', text: 'check' },
      ],
    },
  ])
  assert.deepEqual(parseHelpText('  macipctl status\n  macipctl check'), [
    { kind: 'literal', lines: ['macipctl status', 'macipctl check'] },
  ])
  assert.deepEqual(parseHelpText(''), [])
})

test('a page of the documentation falls into blocks', () => {
  const source = `# Title

## Section
A text of
two lines: [bindings](bindings.md#filters).
### Part

| key | meaning | default |
| --- | --- | --- |
| \`a.b\` | what it is | \`1\` |
| \`a.c\` | zebra's own | |

\`\`\`yaml
a:
  # not a heading
  b: 1
\`\`\`
`
  const blocks = parseMarkdown(source)
  assert.deepEqual(blocks, [
    { kind: 'section', title: 'Title' },
    { kind: 'section', title: 'Section' },
    { kind: 'paragraph', text: 'A text of two lines: [bindings](bindings.md#filters).' },
    { kind: 'subsection', title: 'Part' },
    {
      kind: 'list',
      items: [
        { term: 'a.b', text: 'What it is. Default: `1`.' },
        { term: 'a.c', text: "zebra's own." },
      ],
    },
    { kind: 'literal', lines: ['a:', '  # not a heading', '  b: 1'] },
  ])
  assert.equal(
    render(blocks.slice(1)),
    String.raw`.SH "SECTION"
A text of two lines: docs/bindings.md.
.SS "Part"
.TP
\fBa.b\fR
What it is. Default: \fB1\fR.
.TP
\fBa.c\fR
zebra\(aqs own.
.PP
.RS 4
.nf
a:
  # not a heading
  b: 1
.fi
.RE`,
  )
})

test('a summary becomes a sentence', () => {
  assert.equal(sentence('is it so?'), 'Is it so?')
  assert.equal(sentence("bgpd's connections"), "bgpd's connections.")
})
