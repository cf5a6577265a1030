// Which npm packages are in what is installed, and under which licences.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const moduleOf = (root, name) => join(root, 'node_modules', name)
const manifestOf = (root, name) => JSON.parse(readFileSync(join(moduleOf(root, name), 'package.json'), 'utf8'))

/** An SPDX 2.3 document. `created` is an ISO time, so that the same sources give the same bytes. */
export function sbom(root, names, created) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const idOf = (it) => `SPDXRef-${it.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`
  const described = (it, { version, license }) => ({
    SPDXID: idOf(it),
    name: it,
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: license ?? 'NOASSERTION',
    licenseDeclared: license ?? 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    externalRefs: [
      {
        referenceCategory: 'PACKAGE-MANAGER',
        referenceType: 'purl',
        referenceLocator: `pkg:npm/${it.replace('@', '%40')}@${version}`,
      },
    ],
  })
  const parts = names.map((it) => described(it, manifestOf(root, it)))
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${name}-${version}`,
    documentNamespace: `https://spdx.org/spdxdocs/${name}-${version}-${Date.parse(created) / 1000}`,
    creationInfo: { created, creators: [`Tool: ${name}-${version}`] },
    packages: [{ ...described(name, { version, license }), externalRefs: [] }, ...parts],
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: idOf(name) },
      ...parts.map(({ SPDXID }) => ({
        spdxElementId: idOf(name),
        relationshipType: 'CONTAINS',
        relatedSpdxElement: SPDXID,
      })),
    ],
  }
}

/** Debian has it on every system. */
const APACHE = 'The text is in /usr/share/common-licenses/Apache-2.0.'

function licenceOf(root, name) {
  const file = readdirSync(moduleOf(root, name)).find((it) => /^licen[cs]e/i.test(it))
  return file === undefined
    ? 'The package has no text of its licence.'
    : readFileSync(join(moduleOf(root, name), file), 'utf8')
}

/** The text of Debian's file `copyright` (machine-readable, version 1.0). */
export function copyright(root, names) {
  const indented = (text) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
      .join('\n')
  const parts = names.map((name) => {
    const { license, author } = manifestOf(root, name)
    const text = license === 'Apache-2.0' ? APACHE : licenceOf(root, name)
    const holder = text.match(/^\s*(copyright .*)$/im)?.[1].trim() ?? `the authors of ${name}`
    const by = holder.replace(/^copyright (\(c\) )?/i, '') || (author?.name ?? author ?? name)
    return [
      `Files: *`,
      `Comment: the npm package ${name}, in the compiled programs`,
      `Copyright: ${by}`,
      `License: ${license}-${name.replaceAll(/[^a-z0-9]/gi, '-')}`,
      indented(text),
    ].join('\n')
  })
  const own = [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    'Upstream-Name: macipd',
    '',
    'Files: *',
    'Copyright: the macipd maintainers',
    'License: Apache-2.0',
    ' On Debian systems the text of the Apache License 2.0 is in',
    ' /usr/share/common-licenses/Apache-2.0.',
    '',
    'Files: usr/lib/macipd/dist/bpf/*',
    'Copyright: the macipd maintainers',
    'License: BSD-2-Clause or GPL-2.0-only',
    ' Either of the two, as you like. The text of the GNU General Public License 2 is',
    ' in /usr/share/common-licenses/GPL-2.',
  ].join('\n')
  return `${[own, ...parts].join('\n\n')}\n`
}
