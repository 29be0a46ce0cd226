// A request (pull request, merge request) and what a push does to it. The record is shared; when a
// request closes by itself, and what an answer looks like, is each forge's own affair.

import { mergedTree } from './merge.mjs';
import { ZERO } from './repo.mjs';

export function openRequest(
  world,
  project,
  { title, body = null, head, base, author, draft = false, source = project },
) {
  const now = world.clock.iso();
  const number = ++project.lastNumber;
  const request = {
    id: world.id(),
    number,
    title,
    body,
    head,
    base,
    source,
    headSha: source.repo.branch(head),
    baseSha: project.repo.branch(base),
    author,
    draft,
    state: 'open',
    labels: [],
    reviewers: [],
    teams: [],
    assignees: [],
    reviews: [],
    comments: [],
    autoMerge: null,
    createdAt: now,
    updatedAt: now,
    closedAt: null,
    closedBy: null,
    mergedAt: null,
    mergedBy: null,
    mergeSha: null,
    squash: false,
    removeSource: false,
    checksLeft: world.settings.mergeabilityPolls,
    listsLeft: world.settings.listLag,
    conflicts: undefined,
  };
  project.requests.set(number, request);
  return request;
}

/** The head as people and clients see it, which may lag behind its branch. */
export function shownHead(request) {
  if (!(request.lag?.left > 0)) return request.headSha;
  request.lag.left--;
  return request.lag.sha;
}

export function touch(world, request) {
  request.updatedAt = world.clock.iso();
}

export function recheck(world, request) {
  request.checksLeft = world.settings.mergeabilityPolls;
  request.conflicts = undefined;
}

/** Whether git can merge it; kept until head or base moves. */
export async function hasConflicts(project, request) {
  const base = project.repo.branch(request.base);
  if (!base || !request.headSha) return true;
  const pair = `${base} ${request.headSha}`;
  if (request.conflicts?.pair !== pair) {
    const tree = await mergedTree(project.repo, base, request.headSha);
    request.conflicts = { pair, found: tree === null };
  }
  return request.conflicts.found;
}

export function close(world, request, by, state = 'closed') {
  request.state = state;
  request.closedAt = world.clock.iso();
  request.closedBy = by ?? null;
  request.autoMerge = null;
  touch(world, request);
}

export function merged(world, request, by, sha) {
  request.mergedAt = world.clock.iso();
  request.mergedBy = by ?? null;
  request.mergeSha = sha;
  close(world, request, by, 'merged');
}

/**
 * Brings the refs here and tells the forge what moved. `who`: `{user, token, via, entry}`; a change
 * that another push in flight asked for is that push's.
 */
export async function noticeChanges(forge, project, who) {
  const changes = await project.repo.sync();
  for (const change of changes) {
    const owner = project.pending.find((push) =>
      push.commands.some(({ ref, new: next }) => ref === change.ref && next === change.new),
    );
    await noticeChange(forge, project, change, owner?.who ?? who);
  }
  return changes;
}

async function noticeChange(forge, project, { ref, old, new: next }, who) {
  const { world } = forge;
  const event = {
    at: world.clock.iso(),
    ref,
    old,
    new: next,
    by: who.user?.login ?? null,
    token: who.token?.name ?? null,
    via: who.via,
  };
  // GitHub: events by GITHUB_TOKEN start nothing. GitLab: nor do pushes with a job token.
  // https://docs.github.com/en/actions/concepts/security/github_token
  // https://docs.gitlab.com/ci/jobs/ci_job_token/
  event.startsPipeline = next !== ZERO && who.token?.startsPipelines !== false;
  project.events.push(event);
  world.log.effect(who.entry, 'ref', `${project.path} ${ref} ${next}`, {
    old,
    new: next,
    project: project.path,
    actor: event.by,
  });
  if (!ref.startsWith('refs/heads/')) return;
  const branch = ref.slice('refs/heads/'.length);

  const arrived =
    old === ZERO || next === ZERO
      ? null
      : new Set((await project.repo.git(['rev-list', '--max-count=5000', next, `^${old}`])).split('\n'));
  for (const request of project.requests.values()) {
    if (request.state !== 'open') continue;
    if (request.source === project && request.head === branch) {
      const before = request.headSha;
      request.headSha = next === ZERO ? before : next;
      request.lag = { sha: before, left: world.settings.headLag };
      recheck(world, request);
      touch(world, request);
      await forge.headMoved(project, request, { old: before, new: next, who });
    } else if (request.base === branch) {
      recheck(world, request);
      // Whoever pushes a request's head into its base has merged it; both forges see that.
      // https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges#indirect-merges
      if (arrived?.has(request.headSha)) merged(world, request, who.user, next);
    }
  }
}
