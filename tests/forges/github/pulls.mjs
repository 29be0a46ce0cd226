// Pull requests. https://docs.github.com/en/rest/pulls/pulls

import { randomUUID } from 'node:crypto';
import { mergedTree } from '../core/merge.mjs';
import { close, noticeChanges, openRequest, recheck, touch } from '../core/requests.mjs';
import { need } from './auth.mjs';
import { failed, invalid, notFound, refusal } from './errors.mjs';
import { needsQueue } from './gates.mjs';
import { enqueue, mergeNow, mergeState } from './merging.mjs';
import { commitShape, paged, pullShape, pullUrl, repoUrl } from './shapes.mjs';

const BASE = '/repos/{owner}/{repo}/pulls';
const ONE = `${BASE}/{pull_number}`;
const write = { needs: 'pull_requests:write' };
const read = { needs: 'pull_requests:read' };

export default function pulls(router) {
  router.on('GET', BASE, read, list);
  router.on('POST', BASE, write, create);
  router.on('GET', ONE, read, async (ctx) => ({ status: 200, body: await whole(ctx, requestOf(ctx), true) }));
  router.on('PATCH', ONE, write, update);
  router.on('PUT', `${ONE}/merge`, { needs: 'contents:write' }, merge);
  router.on('GET', `${ONE}/merge`, read, (ctx) => {
    if (requestOf(ctx).state !== 'merged') throw notFound();
    return { status: 204 };
  });
  router.on('PUT', `${ONE}/merge-async`, { needs: 'contents:write' }, mergeAsync);
  router.on('GET', `${ONE}/merge-async/{uuid}`, { needs: 'contents:read' }, mergeAsyncResult);
  router.on('PUT', `${ONE}/update-branch`, write, updateBranch);
  router.on('GET', `${ONE}/commits`, read, async (ctx) => {
    const request = requestOf(ctx);
    const base = request.state === 'merged' ? request.baseSha : ctx.project.repo.branch(request.base);
    const found = await ctx.project.repo.log(['--reverse', request.headSha, ...(base ? [`^${base}`] : [])]);
    return paged(ctx, found, (commit) => commitShape(ctx.forge, ctx.project, commit));
  });
  router.on('GET', `${ONE}/files`, read, async (ctx) => {
    const { repo } = ctx.project;
    const request = requestOf(ctx);
    const from = await repo.mergeBase(
      request.state === 'merged' ? request.baseSha : repo.branch(request.base),
      request.headSha,
    );
    return paged(ctx, await repo.diff(from, request.headSha), (file) => fileShape(ctx, file, request.headSha));
  });
}

export function requestOf({ project, params }) {
  const request = project.requests.get(Number(params.pull_number ?? params.issue_number));
  if (!request) throw notFound();
  return request;
}

export function fileShape(ctx, { path, status, oid, additions, deletions }, ref) {
  const url = `${repoUrl(ctx.forge, ctx.project)}/contents/${encodeURI(path)}?ref=${ref}`;
  return { sha: oid, filename: path, status, additions, deletions, changes: additions + deletions, contents_url: url };
}

export async function whole(ctx, request, poll) {
  const { forge, project } = ctx;
  const { repo } = project;
  const { mergeable, state } = await mergeState(forge, project, request, { poll });
  const base = request.state === 'open' ? repo.branch(request.base) : request.baseSha;
  const known = base && (await repo.commit(request.headSha));
  const from = known ? await repo.mergeBase(base, request.headSha) : null;
  const files = from ? await repo.diff(from, request.headSha) : [];
  const sum = (field) => files.reduce((total, file) => total + file[field], 0);
  const counts = {
    commits: from ? await repo.count(`${from}..${request.headSha}`) : 0,
    additions: sum('additions'),
    deletions: sum('deletions'),
    changed_files: files.length,
    review_comments: 0,
  };
  return pullShape(forge, project, request, { mergeable, state, counts });
}

function list(ctx) {
  const { project, query, forge } = ctx;
  const state = query.get('state') ?? 'open';
  const head = query.get('head');
  // Only `owner:branch` filters; anything else is as if it were not there.
  const branch = head?.includes(':') ? head.slice(head.indexOf(':') + 1) : null;
  const owner = branch === null ? null : head.slice(0, head.indexOf(':')).toLowerCase();
  let found = [...project.requests.values()].filter((request) => {
    if (request.listsLeft > 0) {
      request.listsLeft -= 1;
      return false;
    }
    return (
      (state === 'all' || (request.state === 'open') === (state === 'open')) &&
      (branch === null || (request.head === branch && request.source.namespace.toLowerCase() === owner)) &&
      (!query.get('base') || request.base === query.get('base'))
    );
  });
  const updated = query.get('sort') === 'updated';
  found.sort((a, b) => (updated ? a.updatedAt.localeCompare(b.updatedAt) || a.number - b.number : a.number - b.number));
  const ascending = query.get('direction') ?? (query.get('sort') && query.get('sort') !== 'created' ? 'asc' : 'desc');
  if (ascending !== 'asc') found = found.reverse();
  return paged(ctx, found, (request) => pullShape(forge, project, request));
}

async function create(ctx) {
  const request = await open(ctx, ctx.body);
  return {
    status: 201,
    headers: { location: pullUrl(ctx.forge, ctx.project, request) },
    body: await whole(ctx, request),
  };
}

export async function open(ctx, { title, head: given, base, body = null, draft = false }) {
  const { world, project, user, token } = ctx;
  if (token.kind === 'actions' && !project.settings.actionsMayCreatePullRequests)
    throw refusal(403, 'GitHub Actions is not permitted to create or approve pull requests.');
  if (!title) throw failed('PullRequest', 'title', 'missing_field');
  checkBody(body);
  const head = given.slice(given.indexOf(':') + 1);
  if (given.includes(':') && given.split(':')[0].toLowerCase() !== project.namespace.toLowerCase())
    throw failed('PullRequest', 'head', 'invalid');
  const { repo } = project;
  if (!repo.branch(base)) throw failed('PullRequest', 'base', 'invalid');
  if (!repo.branch(head)) throw failed('PullRequest', 'head', 'invalid');
  const twin = [...project.requests.values()].find(
    (other) => other.state === 'open' && other.head === head && other.base === base,
  );
  if (twin)
    throw failed('PullRequest', undefined, 'custom', `A pull request already exists for ${project.namespace}:${head}.`);
  if (await repo.isAncestor(repo.branch(head), repo.branch(base)))
    throw failed('PullRequest', undefined, 'custom', `No commits between ${base} and ${head}`);
  const request = openRequest(world, project, { title, body, head, base, author: user, draft });
  ctx.effect('request', `${project.path} ${head} -> ${base}`, { number: request.number });
  return request;
}

export function checkBody(body) {
  if (body && [...body].length > 65_536)
    throw failed('Issue', 'body', 'custom', 'body is too long (maximum is 65536 characters)');
}

async function update(ctx) {
  const { world, project, body, user } = ctx;
  const request = requestOf(ctx);
  checkBody(body.body);
  if (body.base !== undefined && body.base !== request.base) {
    if (request.state !== 'open') throw invalid('Cannot change base branch of a closed pull request');
    if (!project.repo.branch(body.base)) throw failed('PullRequest', 'base', 'invalid');
    request.base = body.base;
    recheck(world, request);
  }
  if (body.title !== undefined) request.title = body.title;
  if (body.body !== undefined) request.body = body.body;
  if (body.state === 'closed' && request.state === 'open') close(world, request, user);
  if (body.state === 'open' && request.state === 'closed') reopen(ctx, request);
  touch(world, request);
  ctx.effect('request-update', `${project.path}#${request.number} ${JSON.stringify(body)}`);
  return { status: 200, body: await whole(ctx, request) };
}

export function reopen({ world, project }, request) {
  const twin = [...project.requests.values()].some(
    (other) => other.state === 'open' && other.head === request.head && other.base === request.base,
  );
  const tip = project.repo.branch(request.head);
  if (twin || !tip)
    throw failed(
      'PullRequest',
      'state',
      'custom',
      `state cannot be changed. ${twin ? `There is already an open pull request from ${project.namespace}:${request.head}` : `The ${request.head} branch has been deleted.`}.`,
    );
  Object.assign(request, { state: 'open', closedAt: null, closedBy: null, headSha: tip });
  recheck(world, request);
}

async function merge(ctx) {
  const { forge, project, user, token, entry, point, body = {} } = ctx;
  const request = requestOf(ctx);
  const sha = await mergeNow({
    forge,
    project,
    request,
    user,
    token,
    entry,
    point,
    sha: body.sha,
    method: body.merge_method,
    title: body.commit_title,
    message: body.commit_message,
  });
  return { status: 200, body: { sha, merged: true, message: 'Pull Request successfully merged' } };
}

/** Rules run later: what was accepted may fail. Kept for 24 hours. https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request-asynchronously */
async function mergeAsync(ctx) {
  const { world, forge, project, user, token, entry, body = {} } = ctx;
  const request = requestOf(ctx);
  const answer = (status, state, details) => ({ status, body: { status: state, details } });
  if (request.state === 'merged')
    return answer(200, 'merged', { message: 'Pull request is already merged.', sha: request.mergeSha });
  if (request.state !== 'open') return answer(400, 'failed', { message: 'Pull request is closed.' });
  if (request.draft) return answer(400, 'failed', { message: 'Pull request is in draft.' });
  if (project.queue.some(({ number }) => number === request.number))
    return answer(200, 'enqueued', { message: 'Pull request is already in the merge queue.' });
  const running = [...project.jobs.values()].find((job) => job.number === request.number && job.status === 'pending');
  if (running)
    return answer(409, 'pending', {
      message: 'A merge request already exists for this pull request.',
      ...running.details,
    });
  const uuid = randomUUID();
  const details = {
    uuid,
    merge_method: body.merge_method ?? 'merge',
    merge_action: body.merge_action ?? 'default',
    expected_head_sha: body.sha ?? request.headSha,
  };
  const job = {
    number: request.number,
    status: 'pending',
    details,
    polls: world.settings.mergeAsyncPolls ?? 1,
    at: world.clock.now(),
  };
  job.run = async () => {
    try {
      if (needsQueue(world, project, request.base) && details.merge_action !== 'direct_merge') {
        enqueue(forge, project, request, user, entry);
        return Object.assign(job, {
          status: 'enqueued',
          result: { message: 'Pull request was added to the merge queue.' },
        });
      }
      const sha = await mergeNow({
        forge,
        project,
        request,
        user,
        token,
        entry,
        sha: details.expected_head_sha,
        method: details.merge_method,
        title: body.commit_title,
        message: body.commit_message,
      });
      return Object.assign(job, { status: 'merged', result: { message: 'Pull Request successfully merged', sha } });
    } catch (error) {
      if (!error.status) throw error;
      return Object.assign(job, { status: 'failed', result: { message: error.body.message } });
    }
  };
  project.jobs.set(uuid, job);
  ctx.effect('merge-async', `${project.path}#${request.number}`);
  return answer(202, 'pending', { message: 'Merge request enqueued.', ...details });
}

async function mergeAsyncResult(ctx) {
  const { world, project, params } = ctx;
  const job = project.jobs.get(params.uuid);
  if (!job || job.number !== Number(params.pull_number) || world.clock.now() - job.at > 24 * 3600_000) throw notFound();
  if (job.status === 'pending' && --job.polls < 0) await world.lock.run(job.run);
  return {
    status: 200,
    body: { status: job.status, details: job.result ?? { message: 'Merge request enqueued.', ...job.details } },
  };
}

async function updateBranch(ctx) {
  const { forge, project, user, token, entry, body = {} } = ctx;
  const request = requestOf(ctx);
  const { repo } = project;
  if (body.expected_head_sha && body.expected_head_sha !== request.headSha)
    throw invalid(`expected head sha didn’t match current head ref.`);
  need(ctx, project, 'contents:write');
  const base = repo.branch(request.base);
  const tree = await mergedTree(repo, request.headSha, base);
  if (!tree) throw invalid('merge conflict between base and head');
  const message = `Merge branch '${request.base}' into ${request.head}\n`;
  const sha = await repo.commitTree(tree, [request.headSha, base], message, {
    author: user,
    date: ctx.world.clock.seconds(),
  });
  if (!(await repo.swap(`refs/heads/${request.head}`, sha, request.headSha)))
    throw invalid(`expected head sha didn’t match current head ref.`);
  await noticeChanges(forge, project, { user, token, via: 'api', entry });
  return { status: 202, body: { message: 'Updating pull request branch.', url: pullUrl(forge, project, request) } };
}
