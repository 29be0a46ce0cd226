// What GraphQL can read. https://docs.github.com/en/graphql/reference/queries

import { hasConflicts } from '../core/requests.mjs';
import { inaccessible, mayRead, need } from './auth.mjs';
import { approvers, demands, needsQueue, obstacles, statusesOf } from './gates.mjs';
import { mergeState } from './merging.mjs';

export const queries = {
  viewer: (_, ctx) => userNode(ctx, ctx.user),
  rateLimit: (_, { token }) => ({
    limit: token.limit,
    cost: 1,
    remaining: token.limit - token.used,
    used: token.used,
    nodeCount: 0,
    resetAt: new Date(token.resetAt * 1000).toISOString(),
  }),
  user: ({ login }, ctx) =>
    ctx.world.user(login)
      ? userNode(ctx, ctx.world.user(login))
      : ctx.fail('NOT_FOUND', `Could not resolve to a User with the login of '${login}'.`),
  repository: ({ owner, name }, ctx) => {
    const full = `${owner}/${name}`;
    // GraphQL follows a renamed repository by itself.
    const project = ctx.world.project(full) ?? ctx.world.moved(full);
    if (!project || !mayRead(ctx.world, ctx.token, project))
      ctx.fail('NOT_FOUND', `Could not resolve to a Repository with the name '${full}'.`);
    ctx.entry.project = project.path;
    return repositoryNode(ctx, project);
  },
  node: ({ id }, ctx) => {
    const [kind, ...numbers] = id.split('_');
    if (kind === 'PR') return pullNode(ctx, ...pullOf(ctx, id));
    const project = kind === 'R' && ctx.world.projectById(numbers[0]);
    return project && mayRead(ctx.world, ctx.token, project)
      ? repositoryNode(ctx, project)
      : ctx.fail('NOT_FOUND', `Could not resolve to a node with the global id of '${id}'`);
  },
};

/** REST's refusals as GraphQL's: 200 and a `type`. */
export function permit(ctx, project, what) {
  try {
    need(ctx, project, what);
  } catch (error) {
    if (error.status === 404) ctx.fail('NOT_FOUND', 'Could not resolve to a Repository.');
    ctx.fail('FORBIDDEN', error.body?.message ?? inaccessible(ctx.token));
  }
}

export function pullOf(ctx, id) {
  const [, projectId, number] = /^PR_(\d+)_(\d+)$/.exec(id) ?? [];
  const project = ctx.world.projectById(projectId);
  const request = project?.requests.get(Number(number));
  if (!request || !mayRead(ctx.world, ctx.token, project))
    ctx.fail('NOT_FOUND', `Could not resolve to a node with the global id of '${id}'`);
  ctx.entry.project = project.path;
  return [project, request];
}

/** https://docs.github.com/en/graphql/guides/using-pagination-in-the-graphql-api */
export function connection(items, { first, last, after }, node) {
  const start = after ? Number(Buffer.from(after, 'base64').toString().slice(7)) + 1 : 0;
  const end = first ? start + Math.min(first, 100) : items.length;
  const from = last && !first ? Math.max(items.length - last, 0) : start;
  const cursor = (i) => Buffer.from(`cursor:${i}`).toString('base64');
  const slice = items.slice(from, end).map((item, i) => ({ cursor: cursor(from + i), node: node(item) }));
  return {
    totalCount: items.length,
    edges: slice,
    nodes: slice.map((edge) => edge.node),
    pageInfo: {
      hasNextPage: end < items.length,
      hasPreviousPage: from > 0,
      startCursor: slice[0]?.cursor ?? null,
      endCursor: slice.at(-1)?.cursor ?? null,
    },
  };
}

export function userNode({ forge }, user) {
  if (!user) return null;
  return {
    __typename: user.type === 'Bot' ? 'Bot' : 'User',
    id: `U_${user.id}`,
    databaseId: user.id,
    login: user.login.replace('[bot]', ''),
    name: user.name,
    email: user.email,
    url: `${forge.webUrl()}/${user.login}`,
    createdAt: user.createdAt,
  };
}

export function repositoryNode(ctx, project) {
  const { forge, world } = ctx;
  const { repo, settings } = project;
  const role = world.role(project, ctx.user);
  const ref = (name) =>
    repo.branch(name) && {
      id: `REF_${name}`,
      name,
      prefix: 'refs/heads/',
      target: commitNode(ctx, project, repo.branch(name)),
    };
  return {
    __typename: 'Repository',
    id: `R_${project.id}`,
    databaseId: project.id,
    name: project.path.split('/').at(-1),
    nameWithOwner: project.path,
    owner: { __typename: 'Organization', id: `O_${project.namespace}`, login: project.namespace },
    url: `${forge.webUrl()}/${project.path}`,
    isPrivate: project.private,
    isArchived: settings.archived ?? false,
    viewerPermission: { 50: 'ADMIN', 40: 'MAINTAIN', 30: 'WRITE', 25: 'TRIAGE', 20: 'READ' }[role] ?? null,
    autoMergeAllowed: settings.allowAutoMerge ?? false,
    mergeCommitAllowed: settings.allowMerge ?? true,
    squashMergeAllowed: settings.allowSquash ?? true,
    rebaseMergeAllowed: settings.allowRebase ?? true,
    deleteBranchOnMerge: settings.deleteBranchOnMerge ?? false,
    defaultBranchRef: ref(project.defaultBranch),
    ref: ({ qualifiedName }) => ref(qualifiedName.replace(/^refs\/heads\//, '')),
    object: async ({ oid, expression }) => {
      const found = await repo.resolve(oid ?? expression);
      return found && commitNode(ctx, project, found);
    },
    mergeQueue: ({ branch = project.defaultBranch }) =>
      needsQueue(world, project, branch) ? queueNode(ctx, project) : null,
    pullRequest: ({ number }) => {
      const request = project.requests.get(number);
      return request
        ? pullNode(ctx, project, request)
        : ctx.fail('NOT_FOUND', `Could not resolve to a PullRequest with the number of ${number}.`);
    },
    pullRequests: (args) => {
      const state = { open: 'OPEN', closed: 'CLOSED', merged: 'MERGED' };
      const fits = (request) =>
        (!args.states || args.states.includes(state[request.state])) &&
        (!args.headRefName || request.head === args.headRefName) &&
        (!args.baseRefName || request.base === args.baseRefName) &&
        (!args.labels || request.labels.some((label) => args.labels.includes(label)));
      return connection([...project.requests.values()].filter(fits), args, (request) =>
        pullNode(ctx, project, request),
      );
    },
  };
}

export async function commitNode({ forge }, project, oid) {
  const commit = await project.repo.commit(oid);
  const actor = ({ name, email, date }) => ({ name, email, date });
  const [messageHeadline, ...rest] = commit.message.split('\n');
  return {
    __typename: 'Commit',
    id: `C_${oid}`,
    oid,
    abbreviatedOid: oid.slice(0, 7),
    url: `${forge.webUrl()}/${project.path}/commit/${oid}`,
    message: commit.message,
    messageHeadline,
    messageBody: rest.join('\n').trim(),
    committedDate: commit.committer.date,
    authoredDate: commit.author.date,
    author: actor(commit.author),
    committer: actor(commit.committer),
    signature: null,
  };
}

export function queueNode(ctx, project) {
  return {
    id: `MQ_${project.id}`,
    url: `${ctx.forge.webUrl()}/${project.path}/queue`,
    entries: (args) => connection(project.queue, args, (queued) => entryNode(ctx, project, queued)),
  };
}

export function entryNode(ctx, project, queued) {
  return {
    id: `MQE_${queued.id}`,
    position: project.queue.indexOf(queued) + 1,
    state: 'AWAITING_CHECKS',
    enqueuedAt: queued.at,
    enqueuer: userNode(ctx, queued.by),
    jump: false,
    solo: false,
    pullRequest: () => pullNode(ctx, project, project.requests.get(queued.number)),
  };
}

export function pullNode(ctx, project, request) {
  const { forge, world } = ctx;
  const { repo } = project;
  const known = async () =>
    (await mergeState(forge, project, request, { poll: true })).mergeable !== null || request.state !== 'open';
  const queued = () => project.queue.find(({ number }) => number === request.number);
  const url = `${forge.webUrl()}/${project.path}/pull/${request.number}`;
  return {
    __typename: 'PullRequest',
    id: `PR_${project.id}_${request.number}`,
    databaseId: request.id,
    fullDatabaseId: String(request.id),
    number: request.number,
    title: request.title,
    body: request.body ?? '',
    url,
    permalink: url,
    state: { open: 'OPEN', closed: 'CLOSED', merged: 'MERGED' }[request.state],
    closed: request.state !== 'open',
    merged: request.state === 'merged',
    isDraft: request.draft,
    locked: false,
    isCrossRepository: request.source !== project,
    createdAt: request.createdAt,
    updatedAt: request.updatedAt,
    closedAt: request.closedAt,
    mergedAt: request.mergedAt,
    headRefName: request.head,
    headRefOid: request.headSha,
    baseRefName: request.base,
    baseRefOid: () => repo.branch(request.base) ?? request.baseSha,
    author: userNode(ctx, request.author),
    mergedBy: userNode(ctx, request.mergedBy),
    mergeCommit: () => request.mergeSha && commitNode(ctx, project, request.mergeSha),
    repository: () => repositoryNode(ctx, project),
    mergeable: async () =>
      !(await known()) ? 'UNKNOWN' : (await hasConflicts(project, request)) ? 'CONFLICTING' : 'MERGEABLE',
    mergeStateStatus: async () => {
      if (request.checksLeft > 0) return 'UNKNOWN';
      return (await mergeState(forge, project, request)).state.toUpperCase();
    },
    reviewDecision: () => {
      const asked = demands(world, project, request.base, null).filter((demand) => demand.request);
      if (asked.length === 0) return null;
      const { approved, refused } = approvers(world, project, request);
      if (refused.length > 0) return 'CHANGES_REQUESTED';
      return approved.length >= Math.max(...asked.map(({ approvals }) => approvals)) ? 'APPROVED' : 'REVIEW_REQUIRED';
    },
    autoMergeRequest: () => autoMergeNode(ctx, request),
    viewerCanEnableAutoMerge: async () =>
      Boolean(project.settings.allowAutoMerge) && (await obstacles(world, project, request, null)).length > 0,
    isMergeQueueEnabled: () => needsQueue(world, project, request.base),
    isInMergeQueue: () => Boolean(queued()),
    mergeQueueEntry: () => (queued() ? entryNode(ctx, project, queued()) : null),
    mergeQueue: () => (needsQueue(world, project, request.base) ? queueNode(ctx, project) : null),
    statusCheckRollup: () => {
      const states = [...statusesOf(project, request.headSha).values()].map(({ state }) => state.toUpperCase());
      if (states.length === 0) return null;
      const state = ['ERROR', 'FAILURE', 'PENDING'].find((one) => states.includes(one)) ?? 'SUCCESS';
      return { id: `SCR_${request.headSha}`, state };
    },
    commits: async (args) => {
      const base = request.state === 'merged' ? request.baseSha : repo.branch(request.base);
      const found = await repo.log(['--reverse', request.headSha, ...(base ? [`^${base}`] : [])]);
      return connection(found, args, ({ oid }) => ({ id: `PRC_${oid}`, url, commit: commitNode(ctx, project, oid) }));
    },
    labels: (args) =>
      connection(request.labels, args, (name) => ({
        __typename: 'Label',
        id: `LA_${name}`,
        name,
        color: 'ededed',
        isDefault: false,
        url,
      })),
    comments: (args) => connection(request.comments, args, (comment) => commentNode(ctx, comment, url)),
    reviews: (args) =>
      connection(request.reviews, args, (review) => ({
        __typename: 'PullRequestReview',
        id: `PRR_${review.id}`,
        state: review.dismissed ? 'DISMISSED' : review.state,
        author: userNode(ctx, review.user),
        body: review.body,
        submittedAt: review.at,
        url,
      })),
  };
}

export function commentNode(ctx, { id, body, author, createdAt, updatedAt }, url) {
  return {
    __typename: 'IssueComment',
    id: `IC_${id}`,
    databaseId: id,
    body,
    author: userNode(ctx, author),
    createdAt,
    updatedAt,
    url,
  };
}

export function autoMergeNode(ctx, { autoMerge }) {
  return (
    autoMerge && {
      enabledAt: autoMerge.at,
      enabledBy: userNode(ctx, autoMerge.by),
      mergeMethod: autoMerge.method.toUpperCase(),
      commitHeadline: autoMerge.title,
      commitBody: autoMerge.message,
    }
  );
}
