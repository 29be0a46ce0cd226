// Merges really happen in git: the same commands that GitLab's Gitaly uses (`git merge-tree`,
// `update-ref` with the old value), so a moved base or a conflict is what git says it is.
// https://git-scm.com/docs/git-merge-tree

import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { git } from './git.mjs';
import { identity } from './repo.mjs';

/** The merged tree, or null if there are conflicts. */
export async function mergedTree(repo, base, head) {
  const { code, text } = await repo.git(['merge-tree', '--write-tree', base, head], { may: [0, 1] });
  return code === 0 ? text.split('\n')[0] : null;
}

/**
 * Builds the result of merging `head` into `base` and moves no branch: the commit for the base
 * branch, or null on conflicts (or, for `fast-forward`, when the base has moved on).
 */
export async function mergeCommit(repo, { base, head, method, message, author, committer, date }) {
  const who = { author, committer, date };
  switch (method) {
    case 'merge': {
      const tree = await mergedTree(repo, base, head);
      return tree && repo.commitTree(tree, [base, head], message, who);
    }
    case 'squash': {
      const tree = await mergedTree(repo, base, head);
      return tree && repo.commitTree(tree, [base], message, who);
    }
    case 'rebase':
      return rebase(repo, { base, head, committer: committer ?? author, date });
    case 'fast-forward':
      return (await repo.isAncestor(base, head)) ? head : null;
    default:
      throw new Error(`no merge method ${method}`);
  }
}

/** A rebase needs a work tree until `merge-tree --merge-base` is everywhere (Git 2.40). */
async function rebase(repo, { base, head, committer, date }) {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'forge-rebase-'));
  try {
    await repo.git(['worktree', 'add', '-q', '--detach', '--force', dir, head]);
    // GitHub always makes new commits, also where a fast-forward would do.
    // https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges#rebase-and-merge-your-commits
    const env = identity(committer, committer, date);
    delete env.GIT_AUTHOR_NAME;
    delete env.GIT_AUTHOR_EMAIL;
    delete env.GIT_AUTHOR_DATE;
    const { code } = await git(dir, ['rebase', '-q', '--no-ff', base], { may: [0, 1, 128], env });
    return code === 0 ? await git(dir, ['rev-parse', 'HEAD']) : null;
  } finally {
    await repo.git(['worktree', 'remove', '--force', dir], { may: [0, 128] });
    await fs.rm(dir, { recursive: true, force: true });
  }
}
