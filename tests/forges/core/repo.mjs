// A bare repository: what the forges read from it and write into it.

import fs from 'node:fs/promises';
import path from 'node:path';
import { git, GitError, Mutex } from './git.mjs';

export const ZERO = '0'.repeat(40);
const FORMAT = '%x1e%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B';

export class Repo {
  /** Full ref name -> oid; the truth is in the repository, `sync` brings it here. */
  refs = new Map();
  lock = new Mutex();
  #commits = new Map();

  constructor(dir) {
    this.dir = dir;
  }

  static async create(dir, defaultBranch, hooks) {
    await fs.mkdir(path.dirname(dir), { recursive: true });
    await git('/', ['init', '-q', '--bare', `--template=`, '-b', defaultBranch, dir]);
    // Files, not `git config`: starting a project must cost one process.
    await fs.appendFile(
      path.join(dir, 'config'),
      `[http]\n\treceivepack = true\n[receive]\n\tadvertisePushOptions = true\n[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n[core]\n\thooksPath = ${hooks}\n[gc]\n\tauto = 0\n[merge]\n\trenames = true\n`,
    );
    return new Repo(dir);
  }

  git(args, options) {
    return git(this.dir, args, options);
  }

  /** Reads all refs again and tells what changed: `[{ref, old, new}]`. */
  async sync() {
    const listed = await this.git(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads', 'refs/tags']);
    const refs = new Map(
      listed
        .split('\n')
        .filter(Boolean)
        .map((line) => [line.slice(41), line.slice(0, 40)]),
    );
    const changed = [];
    for (const [ref, oid] of refs) {
      if (this.refs.get(ref) !== oid) changed.push({ ref, old: this.refs.get(ref) ?? ZERO, new: oid });
    }
    for (const [ref, oid] of this.refs) if (!refs.has(ref)) changed.push({ ref, old: oid, new: ZERO });
    this.refs = refs;
    return changed;
  }

  branch(name) {
    return this.refs.get(`refs/heads/${name}`) ?? null;
  }

  get branches() {
    return [...this.refs].filter(([ref]) => ref.startsWith('refs/heads/')).map(([ref, oid]) => [ref.slice(11), oid]);
  }

  /** The first branch that has this commit. */
  async branchWith(oid) {
    const what = ['--count=1', `--contains=${oid}`, '--format=%(refname)', 'refs/heads'];
    const found = await this.git(['for-each-ref', ...what]);
    return found ? found.slice('refs/heads/'.length) : null;
  }

  /** A branch, a tag, a full ref or an oid (also short): the commit's oid or null. */
  async resolve(name) {
    if (/^[0-9a-f]{40}$/.test(name) && this.#commits.has(name)) return name;
    const known = this.branch(name) ?? this.refs.get(name) ?? this.refs.get(`refs/${name}`);
    if (known) return known;
    const { code, text } = await this.git(['rev-parse', '-q', '--verify', '--end-of-options', `${name}^{commit}`], {
      may: [0, 1, 128],
    });
    return code === 0 ? text : null;
  }

  /** Commits do not change, so each is read once. */
  async commit(oid) {
    if (!this.#commits.has(oid)) await this.log([oid, '-1']);
    return this.#commits.get(oid);
  }

  /** `git log` with these arguments. */
  async log(args) {
    const text = await this.git(['log', '--no-show-signature', `--format=${FORMAT}`, ...args, '--'].flat());
    return text
      .split('\x1e')
      .slice(1)
      .map((record) => {
        const [oid, tree, parents, an, ae, at, cn, ce, ct, message] = record.split('\0');
        const commit = {
          oid,
          tree,
          parents: parents === '' ? [] : parents.split(' '),
          author: { name: an, email: ae, date: at },
          committer: { name: cn, email: ce, date: ct },
          message: message.replace(/\n+$/, ''),
        };
        this.#commits.set(oid, commit);
        return commit;
      });
  }

  async isAncestor(ancestor, descendant) {
    if (!ancestor || !descendant) return false;
    const { code } = await this.git(['merge-base', '--is-ancestor', ancestor, descendant], { may: [0, 1, 128] });
    return code === 0;
  }

  async mergeBase(a, b) {
    if (!a || !b) return null;
    const { code, text } = await this.git(['merge-base', a, b], { may: [0, 1] });
    return code === 0 ? text : null;
  }

  async count(range) {
    return Number(await this.git(['rev-list', '--count', range]));
  }

  /** `[{mode, type, oid, size, path}]` */
  async tree(treeish, { recursive = false, below = '' } = {}) {
    const args = ['ls-tree', '-z', '-l', ...(recursive ? ['-r'] : []), treeish, ...(below ? ['--', below] : [])];
    const { code, text } = await this.git(args, { may: [0, 128] });
    if (code !== 0) return [];
    return text
      .split('\0')
      .filter(Boolean)
      .map((line) => {
        const [meta, name] = line.split('\t');
        const [mode, type, oid, size] = meta.split(/ +/);
        return { mode, type, oid, size: Number(size) || 0, path: name };
      });
  }

  async read(treeish, file) {
    const { code, text } = await this.git(['cat-file', 'blob', `${treeish}:${file}`], { may: [0, 128], raw: true });
    return code === 0 ? text : null;
  }

  /** `[{status, path, previous?, additions, deletions, oid}]` */
  async diff(from, to) {
    const raw = await this.git(['diff', '--raw', '--numstat', '-z', '--no-abbrev', '--no-renames', from, to]);
    const fields = raw.split('\0').filter((field) => field !== '');
    const files = new Map();
    for (let i = 0; i < fields.length; i++) {
      if (fields[i].startsWith(':')) {
        const [, , , oid, letter] = fields[i].slice(1).split(' ');
        const status = { A: 'added', D: 'removed', M: 'modified', T: 'changed' }[letter] ?? 'modified';
        files.set(fields[++i], { status, oid, additions: 0, deletions: 0 });
      } else {
        const [additions, deletions, name] = fields[i].split('\t');
        Object.assign(files.get(name), { additions: Number(additions) || 0, deletions: Number(deletions) || 0 });
      }
    }
    return [...files].map(([name, rest]) => ({ path: name, ...rest }));
  }

  /** Compare-and-swap of one ref; false if it was not at `old` any more. */
  async swap(ref, next, old) {
    const command = next === ZERO ? `delete ${ref} ${old}` : `update ${ref} ${next} ${old}`;
    const { code, stderr } = await this.git(['update-ref', '--stdin'], { input: `${command}\n`, may: [0, 1, 128] });
    if (code === 0) return true;
    if (/cannot lock ref|reference already exists|unable to resolve/.test(stderr)) return false;
    throw new GitError(['update-ref', ref], code, stderr);
  }

  commitTree(tree, parents, message, { author, committer, date }) {
    const env = identity(author, committer ?? author, date);
    return this.git(['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent])], { input: message, env });
  }

  /**
   * One commit on `parent` (null: a first one) with whole files changed, in one process; no branch
   * moves. `additions: [{path, contents: Buffer, mode?}]`, `deletions: [path]`.
   */
  async build(parent, { additions = [], deletions = [], message, author, committer, date }) {
    const scratch = `refs/forge/${process.hrtime.bigint()}`;
    const who = committer ?? author;
    const text = Buffer.from(message);
    const parts = [`commit ${scratch}\nmark :1\n`];
    parts.push(`author ${author.name} <${author.email}> ${date} +0000\n`);
    parts.push(`committer ${who.name} <${who.email}> ${date} +0000\ndata ${text.length}\n`, text, '\n');
    if (parent) parts.push(`from ${parent}\n`);
    for (const file of deletions) parts.push(`D ${quote(file)}\n`);
    for (const { path: file, contents, mode = '100644' } of additions) {
      parts.push(`M ${mode} inline ${quote(file)}\ndata ${contents.length}\n`, contents, '\n');
    }
    parts.push('\nget-mark :1\n', `reset ${scratch}\nfrom ${ZERO}\n\n`);
    const input = Buffer.concat(parts.map((part) => Buffer.from(part)));
    return this.git(['fast-import', '--quiet', '--force', '--date-format=raw'], { input });
  }
}

function quote(file) {
  return `"${file.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

export function identity(author, committer, date) {
  return {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: `${date} +0000`,
    GIT_COMMITTER_NAME: committer.name,
    GIT_COMMITTER_EMAIL: committer.email,
    GIT_COMMITTER_DATE: `${date} +0000`,
  };
}
