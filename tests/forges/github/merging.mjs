// Mergeability, the merge itself, and what GitHub does by itself: auto-merge, the merge queue, closing
// a request whose branch is gone. https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request

import { mergeCommit } from '../core/merge.mjs';
import { close, hasConflicts, merged, noticeChanges, touch } from '../core/requests.mjs';
import { ZERO } from '../core/repo.mjs';
import { refusal } from './errors.mjs';
import { demands, dismissesStale, needsQueue, obstacles, statusesOf } from './gates.mjs';

const GITHUB = { name: 'GitHub', email: 'noreply@github.com' };

/**
 * `mergeable` is null until a background job has tried; here for so many reads.
 * https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-your-git-database#checking-mergeability-of-pull-requests
 */
export async function mergeState(forge, project, request, { poll = false } = {}) {
  if (request.state !== 'open') return { mergeable: null, state: 'unknown' };
  if (request.checksLeft > 0) {
    if (poll) request.checksLeft -= 1;
    return { mergeable: null, state: 'unknown' };
  }
  return { mergeable: !(await hasConflicts(project, request)), state: await stateWord(forge.world, project, request) };
}

/** The words of GraphQL's MergeStateStatus, in lower case as REST has them. */
async function stateWord(world, project, request) {
  if (await hasConflicts(project, request)) return 'dirty';
  if (request.draft) return 'draft';
  const strict = demands(world, project, request.base, null).some((demand) => demand.strict);
  const problems = await obstacles(world, project, request, null);
  if (strict && !(await project.repo.isAncestor(project.repo.branch(request.base), request.headSha))) return 'behind';
  if (problems.length > 0) return 'blocked';
  const unhappy = [...statusesOf(project, request.headSha).values()].some(({ state }) => state !== 'success');
  return unhappy ? 'unstable' : 'clean';
}

/** All that merging asks first; throws what GitHub would answer. */
async function mayMerge({ forge, project, request, user, sha, method, queued }) {
  const { world } = forge;
  if (request.state !== 'open') throw refusal(405, 'Pull Request is not mergeable');
  if (request.draft) throw refusal(405, 'Pull Request is still a draft');
  if (sha && sha !== request.headSha) throw refusal(409, 'Head branch was modified. Review and try the merge again.');
  const allowed = { merge: 'allowMerge', squash: 'allowSquash', rebase: 'allowRebase' };
  if (project.settings[allowed[method]] === false)
    throw refusal(
      405,
      `${{ merge: 'Merge commits', squash: 'Squash merges', rebase: 'Rebase merges' }[method]} are not allowed on this repository.`,
    );
  if (world.settings.strictMergeability && request.checksLeft > 0) throw refusal(405, 'Pull Request is not mergeable');
  if (await hasConflicts(project, request)) throw refusal(405, 'Pull Request is not mergeable');
  if (!queued && needsQueue(world, project, request.base))
    throw refusal(405, 'Changes must be made through the merge queue');
  const wrong = demands(world, project, request.base, user).find(
    (demand) => (demand.linear && method === 'merge') || (demand.methods && !demand.methods.includes(method)),
  );
  if (wrong) throw refusal(405, 'This branch must not contain merge commits.');
  const problems = await obstacles(world, project, request, user);
  if (problems.length > 0) {
    const words = problems.map(({ text }) => text).join(' ');
    throw refusal(
      405,
      problems.some(({ from }) => from === 'ruleset') ? `Repository rule violations found\n\n${words}\n\n` : words,
    );
  }
}

/** Merges in git and moves the base with compare-and-swap. The commit's oid. */
export async function mergeNow(given) {
  const { forge, project, request, user, entry, token, point, method = 'merge' } = given;
  await mayMerge({ ...given, method });
  const { world } = forge;
  const base = project.repo.branch(request.base);
  const subject =
    given.title ??
    (method === 'squash'
      ? `${request.title} (#${request.number})`
      : `Merge pull request #${request.number} from ${project.namespace}/${request.head}`);
  const text = given.message ?? (method === 'squash' ? (request.body ?? '') : request.title);
  const message = `${subject}\n\n${text}`.trimEnd() + '\n';
  // Since 2022 squash and merge commits are GitHub's in the committer, the person's in the author.
  const sha = await mergeCommit(project.repo, {
    base,
    head: request.headSha,
    method,
    message,
    author: user,
    committer: method === 'rebase' ? user : GITHUB,
    date: world.clock.seconds(),
  });
  if (!sha) throw refusal(405, method === 'rebase' ? "This branch can't be rebased" : 'Pull Request is not mergeable');
  await point?.('checked');
  if (!(await project.repo.swap(`refs/heads/${request.base}`, sha, base))) {
    await noticeChanges(forge, project, { user: null, token: null, via: 'web', entry: null });
    throw refusal(405, 'Base branch was modified. Review and try the merge again.');
  }
  request.baseSha = base;
  merged(world, request, user, sha);
  project.queue = project.queue.filter((queued) => queued.number !== request.number);
  world.log.effect(entry, 'merge', `${project.path}#${request.number}`, { sha, method });
  await noticeChanges(forge, project, { user, token, via: 'api', entry });
  if (project.settings.deleteBranchOnMerge) {
    await project.repo.swap(`refs/heads/${request.head}`, ZERO, request.headSha);
    await noticeChanges(forge, project, { user, token, via: 'api', entry });
  }
  return sha;
}

/**
 * Why auto-merge cannot be switched on, or null. A request that could be merged at once is refused:
 * "clean status". https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/automatically-merging-a-pull-request
 */
export async function autoMergeProblem(forge, project, request) {
  if (!project.settings.allowAutoMerge) return 'Pull request Auto merge is not allowed for this repository';
  if (request.state !== 'open') return 'Pull request is closed';
  if (demands(forge.world, project, request.base, null).length === 0)
    return '["Pull request Protected branch rules not configured for this branch"]';
  const state = await stateWord(forge.world, project, request);
  if (['clean', 'unstable', 'draft'].includes(state)) return `["Pull request Pull request is in ${state} status"]`;
  return null;
}

/** A head that moved: stale approvals go, a request without commits or branch closes itself. */
export async function headMoved(forge, project, request, { new: next, who }) {
  const { world } = forge;
  if (request.autoMerge && who.user && world.role(project, who.user) < 30) request.autoMerge = null;
  project.queue = project.queue.filter(({ number }) => number !== request.number);
  // https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/proposing-changes-to-your-work-with-pull-requests/creating-and-deleting-branches-within-your-repository#deleting-a-branch-used-for-a-pull-request
  const empty = next === ZERO || (await project.repo.isAncestor(next, project.repo.branch(request.base)));
  if (empty) return close(world, request, who.user);
  if (dismissesStale(project, request.base))
    request.reviews.forEach((review) => review.state === 'APPROVED' && (review.dismissed = true));
}

/** After every effect: requests that wait for their checks, and the queue's turn. */
export async function settle(forge, { project: only } = {}) {
  const { world } = forge;
  for (const project of only ? [only] : world.projects) {
    for (const request of project.requests.values()) {
      if (!request.autoMerge || request.state !== 'open') continue;
      const { by, method, title, message } = request.autoMerge;
      if ((await obstacles(world, project, request, by)).length > 0 || (await hasConflicts(project, request))) continue;
      if (needsQueue(world, project, request.base)) {
        enqueue(forge, project, request, by);
        request.autoMerge = null;
        continue;
      }
      try {
        await mergeNow({ forge, project, request, user: by, entry: null, token: null, method, title, message });
      } catch (error) {
        if (!error.status) throw error;
        request.autoMerge = null;
      }
    }
  }
}

/** Enqueued is not merged. https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue */
export function enqueue(forge, project, request, user, entry = null) {
  const known = project.queue.find(({ number }) => number === request.number);
  if (known) return known;
  const queued = {
    id: forge.world.id(),
    number: request.number,
    by: user,
    at: forge.world.clock.iso(),
    headSha: request.headSha,
  };
  project.queue.push(queued);
  touch(forge.world, request);
  forge.world.log.effect(entry, 'enqueue', `${project.path}#${request.number}`);
  return queued;
}

/** The queue's next entry is merged, or thrown out (`fail`). */
export async function stepQueue(forge, project, { fail = false } = {}) {
  const next = project.queue.shift();
  if (!next) return { number: null };
  const request = project.requests.get(next.number);
  if (fail) return { number: next.number, merged: false };
  const sha = await mergeNow({ forge, project, request, user: next.by, entry: null, token: null, queued: true });
  return { number: next.number, merged: true, sha };
}
