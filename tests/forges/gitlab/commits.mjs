// Commits, files, trees, comparisons. https://docs.gitlab.com/api/commits/  https://docs.gitlab.com/api/repository_files/

import { createHash } from 'node:crypto';
import { noticeChanges } from '../core/requests.mjs';
import { ZERO } from '../core/repo.mjs';
import { badRequest, forbidden, needs, notFound } from './errors.mjs';
import { paged } from './paging.mjs';
import { mayChange } from './protection.mjs';
import { mergeStatus, truthy } from './merging.mjs';
import { pipelineOf, pipelineShape } from './pipelines.mjs';
import { commitShape, mergeRequestShape, projectUrl } from './shapes.mjs';

const REPO = '/projects/{id}/repository';

export default function commits(router) {
  router.on('POST', `${REPO}/commits`, { shape: 'commitDetail' }, createCommit);
  router.on('GET', `${REPO}/commits`, { shape: 'commits' }, async (ctx) => {
    const { repo } = ctx.project;
    const oid = await repo.resolve(ctx.query.get('ref_name') ?? ctx.project.defaultBranch);
    if (!oid) throw notFound('Commit');
    const file = ctx.query.get('path');
    const args = [
      '--max-count=2000',
      ...['since', 'until'].filter((key) => ctx.query.has(key)).map((key) => `--${key}=${ctx.query.get(key)}`),
      oid,
    ];
    const oids = file
      ? (await repo.git(['log', '--format=%H', ...args, '--', file])).split('\n').filter(Boolean)
      : (await repo.log(args)).map((commit) => commit.oid);
    return paged(ctx, oids, async (one) => commitShape(ctx.forge, ctx.project, await repo.commit(one)));
  });
  router.on('GET', `${REPO}/commits/{sha}`, { shape: 'commitDetail', job: true }, async (ctx) => {
    const oid = await ctx.project.repo.resolve(ctx.params.sha);
    if (!oid) throw notFound('Commit');
    return { status: 200, body: await detail(ctx, oid) };
  });
  router.on('GET', `${REPO}/commits/{sha}/merge_requests`, { shape: 'mergeRequests' }, requestsOf);
  router.on('GET', `${REPO}/compare`, { shape: 'compare' }, compare);
  router.on('GET', `${REPO}/tree`, { shape: 'tree' }, async (ctx) => {
    const { repo } = ctx.project;
    const oid = await repo.resolve(ctx.query.get('ref') ?? ctx.project.defaultBranch);
    const below = ctx.query.get('path')?.replace(/\/?$/, '/') ?? '';
    const found = oid
      ? await repo.tree(oid, { below: below === '/' ? '' : below, recursive: truthy(ctx.query.get('recursive')) })
      : [];
    if (found.length === 0) throw notFound('Tree');
    return paged(ctx, found, ({ oid: id, path, type, mode }) => ({
      id,
      name: path.split('/').at(-1),
      type,
      path,
      mode,
    }));
  });
  router.on('GET', `${REPO}/files/{file_path}`, { shape: 'file', scopes: ['read_repository'] }, file);
  router.on('GET', `${REPO}/files/{file_path}/raw`, { shape: 'raw', scopes: ['read_repository'] }, async (ctx) => {
    const { content } = await fileOf(ctx);
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: content };
  });
}

async function detail({ forge, project }, oid) {
  const commit = await project.repo.commit(oid);
  const files = await project.repo.diff(commit.parents[0] ?? '4b825dc642cb6eb9a060e54bf8d69288fbee4904', oid);
  const sum = (field) => files.reduce((total, one) => total + one[field], 0);
  const pipeline = pipelineOf(project, oid);
  return {
    ...commitShape(forge, project, commit),
    stats: { additions: sum('additions'), deletions: sum('deletions'), total: sum('additions') + sum('deletions') },
    status: pipeline?.status ?? null,
    project_id: project.id,
    last_pipeline: pipelineShape(forge, project, pipeline),
  };
}

async function fileOf({ project, params, query }) {
  const { repo } = project;
  const oid = await repo.resolve(query.get('ref') ?? project.defaultBranch);
  const content = oid && (await repo.read(oid, params.file_path));
  if (!content) throw notFound('File');
  return { oid, content };
}

async function file(ctx) {
  const { project, params, query } = ctx;
  const { repo } = project;
  const { oid, content } = await fileOf(ctx);
  const [entry] = await repo.tree(oid, { below: params.file_path });
  return {
    status: 200,
    body: {
      file_name: params.file_path.split('/').at(-1),
      file_path: params.file_path,
      size: content.length,
      encoding: 'base64',
      content_sha256: createHash('sha256').update(content).digest('hex'),
      ref: query.get('ref') ?? 'HEAD',
      blob_id: entry.oid,
      commit_id: oid,
      last_commit_id: await lastCommit(repo, oid, params.file_path),
      execute_filemode: entry.mode === '100755',
      content: content.toString('base64'),
    },
  };
}

function lastCommit(repo, oid, path) {
  return repo.git(['rev-list', '-1', oid, '--', path]);
}

/**
 * Several files in one commit. There is no field for the head that the caller has seen; a file's
 * `last_commit_id` is checked first and the commit made afterwards, on whatever the head is by then:
 * two writers may both pass, and the second overwrites. `checked` is the moment between.
 * https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions
 */
async function createCommit(ctx) {
  const { forge, world, project, user, token, entry, body, req, raw } = ctx;
  const { repo } = project;
  // Rack's limits for forms. https://github.com/rack/rack/blob/main/lib/rack/query_parser.rb
  const form = req.headers['content-type']?.includes('urlencoded');
  if (form && (raw.length > 4 * 1024 * 1024 || raw.toString().split('&').length > 4096))
    throw badRequest('Invalid form data exceeded query limit');
  needs(body, 'branch', 'commit_message', 'actions');
  const { branch, actions } = body;
  if (!mayChange(world, project, branch, user, 'push')) throw forbidden('You are not allowed to push into this branch');
  const start = body.start_branch ?? body.start_sha;
  let head = repo.branch(branch);
  if (start && head && !truthy(body.force))
    throw badRequest(`A branch called '${branch}' already exists. Switch to that branch in order to make changes`);
  if (!head && !start && repo.branches.length > 0)
    throw badRequest('You can only create or edit files when you are on a branch');
  // A replica that has not heard of the branch yet.
  if (head && world.settings.branchLag > 0 && world.settings.branchLag--)
    throw badRequest('You can only create or edit files when you are on a branch');
  let on = start ? await repo.resolve(start) : head;
  if (start && !on) throw badRequest(`Cannot find branch '${start}'`);
  const change = await changes(repo, on, actions);
  await ctx.point('checked');
  if (!start) {
    const { code, text } = await repo.git(['rev-parse', '-q', '--verify', `refs/heads/${branch}`], { may: [0, 1] });
    on = code === 0 ? text : null;
  }
  const author = { name: body.author_name ?? user.name, email: body.author_email ?? user.email };
  const oid = await repo.build(on, {
    ...change,
    message: body.commit_message,
    author,
    committer: user,
    date: world.clock.seconds(),
  });
  head = start ? (head ?? ZERO) : (on ?? ZERO);
  if (!(await repo.swap(`refs/heads/${branch}`, oid, head)))
    throw badRequest(`Could not update refs/heads/${branch}. Please refresh and try again.`);
  await noticeChanges(forge, project, { user, token, via: 'api', entry });
  ctx.effect('commit', `${project.path} ${branch} ${body.commit_message} ${(await repo.commit(oid)).tree}`, {
    sha: oid,
  });
  return { status: 201, body: await detail(ctx, oid) };
}

async function changes(repo, on, actions) {
  const additions = [];
  const deletions = [];
  for (const {
    action,
    file_path: path,
    previous_path: previous,
    content = '',
    encoding = 'text',
    last_commit_id: last,
    execute_filemode: executable,
  } of actions) {
    if (!path) throw badRequest('actions[0][file_path] is missing');
    const before = on ? await repo.read(on, action === 'move' ? previous : path) : null;
    if (action === 'create' && before !== null) throw badRequest('A file with this name already exists');
    if (action !== 'create' && before === null) throw badRequest("A file with this name doesn't exist");
    if (last && action !== 'create' && last !== (await lastCommit(repo, on, path)))
      throw badRequest(`The file has changed since you started editing it: ${path}`);
    if (action === 'delete' || action === 'move') deletions.push(action === 'move' ? previous : path);
    if (action === 'delete') continue;
    const contents =
      action === 'chmod' || (action === 'move' && content === '')
        ? before
        : Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8');
    additions.push({ path, contents, mode: truthy(executable) ? '100755' : '100644' });
  }
  return { additions, deletions };
}

/** https://docs.gitlab.com/api/repositories/#compare-branches-tags-or-commits */
async function compare(ctx) {
  const { forge, project, query } = ctx;
  const { repo } = project;
  needs(Object.fromEntries(query), 'from', 'to');
  const from = await repo.resolve(query.get('from'));
  const to = await repo.resolve(query.get('to'));
  if (!from || !to) throw notFound(from ? 'Ref' : 'Ref');
  const found = await repo.log(['--reverse', `${from}..${to}`]);
  const left = truthy(query.get('straight')) ? from : await repo.mergeBase(from, to);
  // Without a common ancestor there is nothing that both differ from.
  const diffs = (left ? await repo.diff(left, to) : []).map(({ path, status }) => ({
    old_path: path,
    new_path: path,
    a_mode: '100644',
    b_mode: '100644',
    diff: '',
    new_file: status === 'added',
    renamed_file: false,
    deleted_file: status === 'removed',
  }));
  const list = found.map((commit) => commitShape(forge, project, commit));
  return {
    status: 200,
    body: {
      commit: list.at(-1) ?? null,
      commits: list,
      diffs,
      compare_timeout: false,
      compare_same_ref: from === to,
      web_url: `${projectUrl(forge, project)}/-/compare/${query.get('from')}...${query.get('to')}`,
    },
  };
}

async function requestsOf(ctx) {
  const { forge, world, project, params, query } = ctx;
  const { repo } = project;
  const oid = await repo.resolve(params.sha);
  if (!oid) throw notFound('Commit');
  const state = query.get('state');
  const found = [];
  for (const request of project.requests.values()) {
    if (state && state !== 'all' && state !== { open: 'opened', closed: 'closed', merged: 'merged' }[request.state])
      continue;
    const base = request.state === 'merged' ? request.baseSha : repo.branch(request.base);
    const brought = request.mergeSha === oid || request.squashSha === oid || request.headSha === oid;
    if (
      brought ||
      (project.requests.size < 500 &&
        (await repo.isAncestor(oid, request.headSha)) &&
        !(await repo.isAncestor(oid, base)))
    )
      found.push(request);
  }
  return paged(ctx, found, async (request) =>
    mergeRequestShape(forge, project, request, await mergeStatus(world, project, request)),
  );
}
