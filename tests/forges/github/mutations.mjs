// What GraphQL can change. https://docs.github.com/en/graphql/reference/mutations

import { close, noticeChanges, touch } from '../core/requests.mjs';
import { ZERO } from '../core/repo.mjs';
import { demands, pushProblem } from './gates.mjs';
import { autoMergeProblem, enqueue, mergeNow } from './merging.mjs';
import { commentNode, commitNode, entryNode, permit, pullNode, pullOf, userNode } from './queries.mjs';
import { open, reopen } from './pulls.mjs';

const GITHUB = { name: 'GitHub', email: 'noreply@github.com' };

/** A mutation on one pull request. */
function onPull(what, work) {
  return async ({ input }, ctx) => {
    const [project, request] = pullOf(ctx, input.pullRequestId ?? input.subjectId);
    permit(ctx, project, what);
    const more = await work(ctx, project, request, input);
    touch(ctx.world, request);
    return {
      clientMutationId: input.clientMutationId,
      pullRequest: pullNode(ctx, project, request),
      actor: userNode(ctx, ctx.user),
      ...more,
    };
  };
}

/** REST's refusal, told GraphQL's way. */
async function retold(ctx, work) {
  try {
    return await work();
  } catch (error) {
    if (!error.status) throw error;
    return ctx.fail('UNPROCESSABLE', error.body.errors?.[0]?.message ?? error.body.message);
  }
}

function stale(ctx, oid) {
  ctx.fail('STALE_DATA', `Expected branch to point to "${oid}" but it did not. Pull and try again.`);
}

export const mutations = {
  /** https://docs.github.com/en/graphql/reference/mutations#createcommitonbranch */
  createCommitOnBranch: async ({ input }, ctx) => {
    const { world, user, forge, token, entry } = ctx;
    const { branch: wanted, message, expectedHeadOid, fileChanges = {} } = input;
    const [project, name] = branchOf(ctx, wanted);
    permit(ctx, project, 'contents:write');
    const { repo } = project;
    const head = repo.branch(name);
    if (!head) ctx.fail('NOT_FOUND', `No branch ${name} in ${project.path}`);
    if (ctx.raw.length > (world.settings.bodyLimit ?? 40 * 1024 * 1024))
      ctx.fail('UNPROCESSABLE', 'A query attribute is too large.');
    if (head !== expectedHeadOid) stale(ctx, expectedHeadOid);
    const problem = pushProblem(world, project, name, user, { next: 'new', removing: false });
    if (problem?.from === 'classic') ctx.fail('BRANCH_PROTECTION_RULE_VIOLATION', problem.text);
    if (problem) ctx.fail('UNPROCESSABLE', `Repository rule violations found\n\n${problem.text}\n\n`);
    const additions = (fileChanges.additions ?? []).map(({ path, contents }) => ({
      path,
      contents: Buffer.from(contents, 'base64'),
    }));
    const deletions = (fileChanges.deletions ?? []).map(({ path }) => path);
    const workflows = [...additions.map(({ path }) => path), ...deletions].some((path) =>
      path.startsWith('.github/workflows/'),
    );
    if (workflows && token.kind !== 'classic') permit(ctx, project, 'workflows:write');
    for (const path of deletions)
      if ((await repo.read(head, path)) === null)
        ctx.fail(
          'UNPROCESSABLE',
          `A path was requested for deletion which does not exist as of commit oid \`${head}\``,
        );
    const text = message.body ? `${message.headline}\n\n${message.body}\n` : `${message.headline}\n`;
    const oid = await repo.build(head, {
      additions,
      deletions,
      message: text,
      author: user,
      committer: GITHUB,
      date: world.clock.seconds(),
    });
    await ctx.point('checked');
    const done = await repo.swap(`refs/heads/${name}`, oid, expectedHeadOid);
    await noticeChanges(
      forge,
      project,
      done ? { user, token, via: 'api', entry } : { user: null, token: null, via: 'web', entry: null },
    );
    if (!done) stale(ctx, expectedHeadOid);
    ctx.effect('commit', `${project.path} ${name} ${message.headline} ${await treeOf(repo, oid)}`, { sha: oid });
    return {
      clientMutationId: input.clientMutationId,
      commit: commitNode(ctx, project, oid),
      ref: { id: `REF_${name}`, name, prefix: 'refs/heads/', target: commitNode(ctx, project, oid) },
    };
  },

  /** All or nothing, each with its lease. https://docs.github.com/en/graphql/reference/mutations#updaterefs */
  updateRefs: async ({ input }, ctx) => {
    const { world, user, forge, token, entry } = ctx;
    const project = world.projectById(input.repositoryId.replace('R_', ''));
    if (!project) ctx.fail('NOT_FOUND', `Could not resolve to a node with the global id of '${input.repositoryId}'`);
    permit(ctx, project, 'contents:write');
    const { repo } = project;
    const commands = [];
    for (const { name: ref, beforeOid, afterOid, force } of input.refUpdates) {
      const old = repo.refs.get(ref) ?? ZERO;
      const branch = ref.replace(/^refs\/heads\//, '');
      if (beforeOid && beforeOid !== old) stale(ctx, beforeOid);
      const problem = pushProblem(world, project, branch, user, { next: afterOid, removing: afterOid === ZERO });
      if (problem)
        ctx.fail(problem.from === 'classic' ? 'BRANCH_PROTECTION_RULE_VIOLATION' : 'UNPROCESSABLE', problem.text);
      const rewinds = old !== ZERO && afterOid !== ZERO && !(await repo.isAncestor(old, afterOid));
      if (rewinds && (!force || demands(world, project, branch, user).some((demand) => !demand.force)))
        ctx.fail('UNPROCESSABLE', 'Update is not a fast forward');
      commands.push(afterOid === ZERO ? `delete ${ref} ${old}` : `update ${ref} ${afterOid} ${old}`);
    }
    await ctx.point('checked');
    const { code } = await repo.git(['update-ref', '--stdin'], {
      input: `start\n${commands.join('\n')}\nprepare\ncommit\n`,
      may: [0, 1, 128],
    });
    await noticeChanges(
      forge,
      project,
      code === 0 ? { user, token, via: 'api', entry } : { user: null, token: null, via: 'web', entry: null },
    );
    if (code !== 0) ctx.fail('STALE_DATA', 'A reference was changed by someone else.');
    return { clientMutationId: input.clientMutationId };
  },

  /** https://docs.github.com/en/graphql/reference/mutations#enablepullrequestautomerge */
  enablePullRequestAutoMerge: onPull('pull_requests:write', async (ctx, project, request, input) => {
    permit(ctx, project, 'contents:write');
    if (input.expectedHeadOid && input.expectedHeadOid !== request.headSha) stale(ctx, input.expectedHeadOid);
    const problem = await autoMergeProblem(ctx.forge, project, request);
    if (problem) ctx.fail('UNPROCESSABLE', problem);
    request.autoMerge = {
      by: ctx.user,
      at: ctx.world.clock.iso(),
      method: (input.mergeMethod ?? 'MERGE').toLowerCase(),
      title: input.commitHeadline,
      message: input.commitBody,
    };
    ctx.effect('auto-merge', `${project.path}#${request.number} on`);
  }),
  disablePullRequestAutoMerge: onPull('pull_requests:write', (ctx, project, request) => {
    if (!request.autoMerge) ctx.fail('UNPROCESSABLE', "Can't disable auto-merge for this pull request");
    request.autoMerge = null;
    ctx.effect('auto-merge', `${project.path}#${request.number} off`);
  }),

  enqueuePullRequest: onPull('contents:write', (ctx, project, request, input) => {
    if (!demands(ctx.world, project, request.base, null).some(({ queue }) => queue))
      ctx.fail('UNPROCESSABLE', 'No merge queue found for branch');
    if (request.state !== 'open') ctx.fail('UNPROCESSABLE', 'Pull request is closed');
    if (input.expectedHeadOid && input.expectedHeadOid !== request.headSha) stale(ctx, input.expectedHeadOid);
    return { mergeQueueEntry: entryNode(ctx, project, enqueue(ctx.forge, project, request, ctx.user, ctx.entry)) };
  }),
  dequeuePullRequest: async ({ input }, ctx) => {
    const [project, request] = pullOf(ctx, input.id);
    permit(ctx, project, 'contents:write');
    const queued = project.queue.find(({ number }) => number === request.number);
    if (!queued) ctx.fail('UNPROCESSABLE', 'Pull request is not in the merge queue');
    project.queue = project.queue.filter((other) => other !== queued);
    return { clientMutationId: input.clientMutationId, mergeQueueEntry: entryNode(ctx, project, queued) };
  },

  mergePullRequest: onPull('contents:write', (ctx, project, request, input) =>
    retold(ctx, async () => {
      const { forge, user, token, entry, point } = ctx;
      await mergeNow({
        forge,
        project,
        request,
        user,
        token,
        entry,
        point,
        sha: input.expectedHeadOid,
        method: (input.mergeMethod ?? 'MERGE').toLowerCase(),
        title: input.commitHeadline,
        message: input.commitBody,
      });
    }),
  ),

  markPullRequestReadyForReview: onPull('pull_requests:write', (ctx, project, request) => {
    request.draft = false;
    ctx.effect('draft', `${project.path}#${request.number} off`);
  }),
  convertPullRequestToDraft: onPull('pull_requests:write', (ctx, project, request) => {
    request.draft = true;
    ctx.effect('draft', `${project.path}#${request.number} on`);
  }),
  closePullRequest: onPull('pull_requests:write', (ctx, project, request) => {
    if (request.state === 'open') close(ctx.world, request, ctx.user);
    ctx.effect('request-update', `${project.path}#${request.number} close`);
  }),
  reopenPullRequest: onPull('pull_requests:write', (ctx, project, request) =>
    retold(ctx, () => reopen({ world: ctx.world, project }, request)),
  ),
  updatePullRequest: onPull('pull_requests:write', (ctx, project, request, input) => {
    if (input.title) request.title = input.title;
    if (input.body !== undefined) request.body = input.body;
    ctx.effect('request-update', `${project.path}#${request.number} ${input.title ?? ''}`);
  }),
  addComment: onPull('pull_requests:write', (ctx, project, request, input) => {
    const now = ctx.world.clock.iso();
    const comment = { id: ctx.world.id(), author: ctx.user, body: input.body, createdAt: now, updatedAt: now };
    request.comments.push(comment);
    ctx.effect('comment', `${project.path}#${request.number} ${input.body.slice(0, 200)}`);
    return { commentEdge: { cursor: 'x', node: commentNode(ctx, comment, ctx.forge.webUrl()) } };
  }),
  createPullRequest: async ({ input }, ctx) => {
    const project = ctx.world.projectById(input.repositoryId.replace('R_', ''));
    if (!project) ctx.fail('NOT_FOUND', `Could not resolve to a node with the global id of '${input.repositoryId}'`);
    permit(ctx, project, 'pull_requests:write');
    ctx.project = project;
    const request = await retold(ctx, () =>
      open(ctx, {
        title: input.title,
        body: input.body ?? null,
        head: input.headRefName,
        base: input.baseRefName,
        draft: input.draft ?? false,
      }),
    );
    return { clientMutationId: input.clientMutationId, pullRequest: pullNode(ctx, project, request) };
  },
};

/** By name and repository, or by the ref's id. */
function branchOf(ctx, { repositoryNameWithOwner: full, branchName: name, id }) {
  const project = full ? (ctx.world.project(full) ?? ctx.world.moved(full)) : null;
  if (!project) ctx.fail('NOT_FOUND', `Could not resolve to a Repository with the name '${full ?? id}'.`);
  ctx.entry.project = project.path;
  return [project, name.replace(/^refs\/heads\//, '')];
}

async function treeOf(repo, oid) {
  return (await repo.commit(oid)).tree;
}
