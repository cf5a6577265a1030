import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { layers } from './tools/lint/layers.mjs'

export default defineConfig([
  globalIgnores(['dist/', 'src/gen/', 'node_modules/']),
  {
    files: ['src/**/*.ts', 'lab/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'chaos/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { layers },
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      'layers/imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/os/**'],
    rules: {
      'no-restricted-imports': ['error', { name: 'koffi', message: 'System calls are declared in src/os/libc.ts.' }],
    },
  },
  {
    // node:test's test() returns a promise that the runner itself awaits
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'suite', 'describe'], package: 'node:test' },
          ],
        },
      ],
    },
  },
])
