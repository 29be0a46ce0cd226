// The real `git http-backend` as a CGI program. https://git-scm.com/docs/git-http-backend
//
// The forge's own rules reach the repository's hooks through the environment, as GitLab's own hooks
// get theirs: what is refused is refused by receive-pack itself, in the protocol's own words.

import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { git, HERMETIC } from './git.mjs';
import { ZERO } from './repo.mjs';

let execPath;

/** FORGE_REFUSED has `ref<TAB>words` lines; FORGE_NO_FORCE too, for pushes that are not fast-forward. */
const CHECK = `words() { printf '%s\\n' "$1" | while IFS='\t' read -r ref text; do
  if [ "$ref" = "$2" ]; then printf '%b\\n' "$text"; fi
done; }
refused() {
  found=$(words "$FORGE_REFUSED" "$1")
  if [ -z "$found" ] && [ "$2" != ${ZERO} ] && [ "$3" != ${ZERO} ]; then
    found=$(words "$FORGE_NO_FORCE" "$1")
    if [ -n "$found" ] && git merge-base --is-ancestor "$2" "$3"; then found=; fi
  fi
  [ -z "$found" ] || { printf '%s\\n' "$found" >&2; return 0; }
  return 1
}
`;

/** GitLab declines the push as a whole (pre-receive), GitHub each ref on its own (update). */
export async function writeHooks(dir, whole) {
  await fs.mkdir(dir, { recursive: true });
  const script = whole
    ? `#!/bin/sh\n${CHECK}status=0\nwhile read -r old new ref; do if refused "$ref" "$old" "$new"; then status=1; fi; done\nexit $status\n`
    : `#!/bin/sh\n${CHECK}if refused "$1" "$2" "$3"; then exit 1; fi\nexit 0\n`;
  await fs.writeFile(path.join(dir, whole ? 'pre-receive' : 'update'), script, { mode: 0o755 });
}

/** What a push asks for: `[{old, new, ref}]`. https://git-scm.com/docs/pack-protocol */
export function pushCommands(body) {
  const commands = [];
  for (let at = 0; at + 4 <= body.length;) {
    const length = Number.parseInt(body.subarray(at, at + 4).toString(), 16);
    if (!(length > 4)) break;
    const line = body
      .subarray(at + 4, at + length)
      .toString()
      .split('\0')[0]
      .trimEnd();
    const match = /^([0-9a-f]{40}) ([0-9a-f]{40}) (.+)$/.exec(line);
    if (match) commands.push({ old: match[1], new: match[2], ref: match[3] });
    at += length;
  }
  return commands;
}

/** Runs the backend to its end: `{status, headers, body}`. */
export async function backend({ root, pathInfo, req, query, body, user, env = {} }) {
  execPath ??= await git('/', ['--exec-path']);
  const protocol = req.headers['git-protocol'] ?? '';
  const child = spawn(path.join(execPath, 'git-http-backend'), [], {
    env: {
      ...HERMETIC,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: req.method,
      PATH_INFO: pathInfo,
      QUERY_STRING: query,
      REMOTE_ADDR: '127.0.0.1',
      REMOTE_USER: user,
      CONTENT_TYPE: req.headers['content-type'] ?? '',
      CONTENT_LENGTH: String(body.length),
      // Which of the two is looked at depends on Git's version.
      HTTP_GIT_PROTOCOL: protocol,
      GIT_PROTOCOL: protocol,
      ...env,
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const out = [];
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(body);
  await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  return fromCgi(Buffer.concat(out));
}

function fromCgi(output) {
  const end = output.indexOf('\r\n\r\n');
  if (end < 0) return { status: 500, headers: {}, body: 'git http-backend said nothing\n' };
  const headers = {};
  let status = 200;
  for (const line of output.subarray(0, end).toString().split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'status') status = Number.parseInt(value, 10);
    else headers[name] = value;
  }
  return { status, headers, body: output.subarray(end + 4) };
}
