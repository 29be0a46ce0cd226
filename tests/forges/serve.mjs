#!/usr/bin/env node
// node tests/forges/serve.mjs github|gitlab [options]
//
//   --layout=dotcom|ghes   github: the API at its own root (default), or below /api/v3
//   --ghes=3.19            github: which version's description
//   --root=/gitlab         gitlab: a relative root
//   --tls-cert=FILE --tls-key=FILE
//
// Prints one JSON line with its URLs and ends when stdin closes.

import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { start } from './core/server.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    layout: { type: 'string' },
    ghes: { type: 'string' },
    root: { type: 'string' },
    port: { type: 'string' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
  },
});
const makers = {
  github: async () => (await import('./github/index.mjs')).makeGitHub,
  gitlab: async () => (await import('./gitlab/index.mjs')).makeGitLab,
};
const [kind] = positionals;
if (!makers[kind]) {
  console.error(
    'usage: serve.mjs github|gitlab [--layout=dotcom|ghes] [--ghes=3.19] [--root=/gitlab] [--tls-cert=FILE --tls-key=FILE]',
  );
  process.exit(2);
}
const tls = values['tls-cert'] && {
  cert: fs.readFileSync(values['tls-cert']),
  key: fs.readFileSync(values['tls-key']),
};
const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
const { urls, stop } = await start(await makers[kind](), { ...given, port: Number(given.port ?? 0), tls });
console.log(JSON.stringify(urls));

const end = () => stop().finally(() => process.exit(0));
process.stdin.resume().on('end', end).on('close', end);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, end);
