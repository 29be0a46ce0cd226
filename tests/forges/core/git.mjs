// Git, run without the machine's configuration.

import { spawn } from 'node:child_process';

export class GitError extends Error {
  constructor(args, code, stderr) {
    super(`git ${args.join(' ')}: ${code}: ${stderr}`);
    Object.assign(this, { code, stderr });
  }
}

export const HERMETIC = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  LC_ALL: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'forge',
  GIT_AUTHOR_EMAIL: 'forge@invalid',
  GIT_COMMITTER_NAME: 'forge',
  GIT_COMMITTER_EMAIL: 'forge@invalid',
};

/** Runs to the end: `{code, stdout, stderr}` with stdout as a Buffer. */
export function run(program, args, { cwd, env = {}, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...HERMETIC, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const out = [];
    const err = [];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    // A program may end without reading all of its input; its exit code tells.
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() }));
    child.stdin.end(input);
  });
}

/** The trimmed output; a failure is thrown, except for the exit codes in `may`. */
export async function git(cwd, args, { may = [0], ...options } = {}) {
  const { code, stdout, stderr } = await run('git', args, { cwd, ...options });
  if (!may.includes(code)) throw new GitError(args, code, stderr);
  const text = options.raw ? stdout : stdout.toString().replace(/\n$/, '');
  return may.length > 1 ? { code, text, stderr } : text;
}

/** One at a time, in order. */
export class Mutex {
  #tail = Promise.resolve();

  run(work) {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => {});
    return result;
  }
}
