// Refs, trees, blobs, commits and contents. https://docs.github.com/en/rest/git  https://docs.github.com/en/rest/repos/contents

import { noticeChanges } from '../core/requests.mjs';
import { ZERO } from '../core/repo.mjs';
import { invalid, notFound, refusal } from './errors.mjs';
import { demands, pushProblem } from './gates.mjs';
import { repoUrl, verification } from './shapes.mjs';

const REPO = '/repos/{owner}/{repo}';
const read = { needs: 'contents:read' };
const write = { needs: 'contents:write' };

export default function gitData(router) {
  router.on('GET', `${REPO}/git/ref/{ref...}`, read, (ctx) => {
    const sha = ctx.project.repo.refs.get(`refs/${ctx.params.ref}`);
    if (!sha) throw notFound();
    return { status: 200, body: refShape(ctx, `refs/${ctx.params.ref}`, sha) };
  });
  router.on('GET', `${REPO}/git/matching-refs/{ref...}`, read, (ctx) => {
    const found = [...ctx.project.repo.refs].filter(([ref]) => ref.startsWith(`refs/${ctx.params.ref}`));
    return { status: 200, body: found.map(([ref, sha]) => refShape(ctx, ref, sha)) };
  });
  router.on('POST', `${REPO}/git/refs`, write, createRef);
  router.on('PATCH', `${REPO}/git/refs/{ref...}`, write, updateRef);
  router.on('DELETE', `${REPO}/git/refs/{ref...}`, write, async (ctx) => {
    const ref = `refs/${ctx.params.ref}`;
    const old = ctx.project.repo.refs.get(ref);
    if (!old) throw invalid('Reference does not exist');
    refuseProtected(ctx, ref, ZERO);
    await moveRef(ctx, ref, ZERO, old);
    return { status: 204 };
  });

  router.on('POST', `${REPO}/git/blobs`, write, async (ctx) => {
    const { content, encoding = 'utf-8' } = ctx.body;
    const sha = await ctx.project.repo.git(['hash-object', '-w', '--stdin'], { input: Buffer.from(content, encoding) });
    return { status: 201, body: { sha, url: `${repoUrl(ctx.forge, ctx.project)}/git/blobs/${sha}` } };
  });
  router.on('GET', `${REPO}/git/blobs/{file_sha}`, read, async (ctx) => {
    const { code, text } = await ctx.project.repo.git(['cat-file', 'blob', ctx.params.file_sha], {
      may: [0, 128],
      raw: true,
    });
    if (code !== 0) throw notFound();
    return {
      status: 200,
      body: {
        sha: ctx.params.file_sha,
        node_id: 'B',
        size: text.length,
        url: `${repoUrl(ctx.forge, ctx.project)}/git/blobs/${ctx.params.file_sha}`,
        content: text.toString('base64'),
        encoding: 'base64',
      },
    };
  });
  router.on('POST', `${REPO}/git/trees`, write, createTree);
  router.on('GET', `${REPO}/git/trees/{tree_sha...}`, read, async (ctx) => {
    const { repo } = ctx.project;
    const { code, text: sha } = await repo.git(
      [
        'rev-parse',
        '-q',
        '--verify',
        '--end-of-options',
        `${repo.branch(ctx.params.tree_sha) ?? ctx.params.tree_sha}^{tree}`,
      ],
      { may: [0, 1, 128] },
    );
    if (code !== 0) throw notFound();
    return { status: 200, body: await treeShape(ctx, sha, ctx.query.has('recursive')) };
  });
  router.on('POST', `${REPO}/git/commits`, write, createCommit);
  router.on('GET', `${REPO}/git/commits/{commit_sha}`, read, async (ctx) => {
    const oid = await ctx.project.repo.resolve(ctx.params.commit_sha);
    if (!oid) throw notFound();
    return { status: 200, body: gitCommit(ctx, await ctx.project.repo.commit(oid)) };
  });
  router.on('GET', `${REPO}/contents/{path...}`, read, contents);
}

function refShape({ forge, project }, ref, sha) {
  return {
    ref,
    node_id: `REF_${ref}`,
    url: `${repoUrl(forge, project)}/git/${ref.split('/').map(encodeURIComponent).join('/')}`,
    object: { type: 'commit', sha, url: `${repoUrl(forge, project)}/git/commits/${sha}` },
  };
}

function refuseProtected({ world, project, user }, ref, next) {
  const branch = ref.slice('refs/heads/'.length);
  const problem =
    ref.startsWith('refs/heads/') && pushProblem(world, project, branch, user, { next, removing: next === ZERO });
  if (problem)
    throw invalid(
      problem.from === 'ruleset' ? `Repository rule violations found\n\n${problem.text}\n\n` : problem.text,
    );
}

/** Compare-and-swap; false if someone was quicker. */
export async function moveRef({ forge, project, user, token, entry, point }, ref, next, old) {
  await point('checked');
  const done = await project.repo.swap(ref, next, old);
  await noticeChanges(
    forge,
    project,
    done ? { user, token, via: 'api', entry } : { user: null, token: null, via: 'web', entry: null },
  );
  return done;
}

async function createRef(ctx) {
  const {
    project,
    body: { ref, sha },
  } = ctx;
  if (!/^refs\/(heads|tags)\/.+/.test(ref))
    throw invalid("Reference name must start with 'refs/' and contain at least one more '/'.");
  if (project.repo.refs.has(ref)) throw invalid('Reference already exists');
  if (!(await project.repo.resolve(sha))) throw invalid('Object does not exist');
  refuseProtected(ctx, ref, sha);
  if (!(await moveRef(ctx, ref, sha, ZERO))) throw invalid('Reference already exists');
  return { status: 201, body: refShape(ctx, ref, sha) };
}

async function updateRef(ctx) {
  const {
    world,
    project,
    user,
    params,
    body: { sha, force = false },
  } = ctx;
  const ref = `refs/${params.ref}`;
  const old = project.repo.refs.get(ref);
  if (!old) throw invalid('Reference does not exist');
  if (!(await project.repo.resolve(sha))) throw invalid('Object does not exist');
  refuseProtected(ctx, ref, sha);
  if (!(await project.repo.isAncestor(old, sha))) {
    if (!force) throw invalid('Update is not a fast forward');
    const branch = params.ref.replace(/^heads\//, '');
    if (demands(world, project, branch, user).some((demand) => !demand.force))
      throw invalid('Cannot force-push to this branch');
  }
  if (!(await moveRef(ctx, ref, sha, old))) throw invalid('Update is not a fast forward');
  return { status: 200, body: refShape(ctx, ref, sha) };
}

/** About this size real trees fail (packages with hundreds of files inline). */
const TREE_LIMIT = 7_000_000;

async function createTree(ctx) {
  const { project, body, raw, world } = ctx;
  const tooLarge = raw.length > (world.settings.treeLimit ?? TREE_LIMIT);
  if (tooLarge)
    throw invalid(
      "Sorry, your request timed out. It's likely that your input was too large to process. Consider building the tree incrementally, or building the commits you need in a local clone of the repository and then pushing them to GitHub.",
    );
  const { repo } = project;
  const files = new Map();
  if (body.base_tree)
    for (const { mode, oid, path } of await repo.tree(body.base_tree, { recursive: true }))
      files.set(path, { mode, oid });
  for (const { path, mode = '100644', sha, content } of body.tree) {
    if (sha === null) {
      if (!files.delete(path)) throw invalid('GitRPC::BadObjectState');
      continue;
    }
    const oid = sha ?? (await repo.git(['hash-object', '-w', '--stdin'], { input: content }));
    files.set(path, { mode, oid });
  }
  const index = `${repo.dir}/forge-index-${process.hrtime.bigint()}`;
  const env = { GIT_INDEX_FILE: index };
  await repo.git(['update-index', '-z', '--index-info'], {
    input: [...files].map(([path, { mode, oid }]) => `${mode} ${oid}\t${path}\0`).join(''),
    env,
  });
  const sha = await repo.git(['write-tree'], { env });
  await repo.git(['read-tree', '--empty'], { env });
  return { status: 201, body: await treeShape(ctx, sha, false) };
}

async function treeShape({ forge, project }, sha, recursive) {
  const url = `${repoUrl(forge, project)}/git`;
  const tree = (await project.repo.tree(sha, { recursive })).map(({ path, mode, type, oid, size }) => ({
    path,
    mode,
    type,
    sha: oid,
    ...(type === 'blob' ? { size } : {}),
    url: `${url}/${type}s/${oid}`,
  }));
  return { sha, url: `${url}/trees/${sha}`, truncated: false, tree };
}

async function createCommit(ctx) {
  const { world, project, user, body } = ctx;
  const author = { name: body.author?.name ?? user.name, email: body.author?.email ?? user.email };
  const { code } = await project.repo.git(['cat-file', '-e', `${body.tree}^{tree}`], { may: [0, 1, 128] });
  if (code !== 0) throw invalid('Tree SHA does not exist');
  for (const parent of body.parents ?? [])
    if (!(await project.repo.resolve(parent))) throw invalid('Parent SHA does not exist or is not a commit object');
  const sha = await project.repo.commitTree(body.tree, body.parents ?? [], body.message, {
    author,
    committer: body.committer ?? author,
    date: world.clock.seconds(),
  });
  return { status: 201, body: gitCommit(ctx, await project.repo.commit(sha)) };
}

function gitCommit({ forge, project }, commit) {
  const url = `${repoUrl(forge, project)}/git`;
  const html = `${forge.webUrl()}/${project.path}/commit/${commit.oid}`;
  const person = ({ name, email, date }) => ({ name, email, date: new Date(date).toISOString() });
  return {
    sha: commit.oid,
    node_id: `C_${commit.oid}`,
    url: `${url}/commits/${commit.oid}`,
    html_url: html,
    author: person(commit.author),
    committer: person(commit.committer),
    message: commit.message,
    tree: { sha: commit.tree, url: `${url}/trees/${commit.tree}` },
    parents: commit.parents.map((sha) => ({ sha, url: `${url}/commits/${sha}`, html_url: html })),
    verification: verification(commit),
  };
}

async function contents(ctx) {
  const { forge, project, params, query } = ctx;
  const { repo } = project;
  const ref = query.get('ref') ?? project.defaultBranch;
  const oid = await repo.resolve(ref);
  if (!oid) throw refusal(404, `No commit found for the ref ${ref}`);
  const shape = ({ path, type, oid: sha, size }) => {
    const url = `${repoUrl(forge, project)}/contents/${encodeURI(path)}?ref=${ref}`;
    const git = `${repoUrl(forge, project)}/git/${type}s/${sha}`;
    return {
      type: type === 'tree' ? 'dir' : 'file',
      name: path.split('/').at(-1),
      path,
      sha,
      size,
      url,
      html_url: url,
      git_url: git,
      download_url: type === 'tree' ? null : url,
      _links: { self: url, git, html: url },
    };
  };
  const [found] = await repo.tree(oid, { below: params.path.replace(/\/$/, '') });
  if (!found) throw notFound();
  if (found.type === 'tree')
    return { status: 200, body: (await repo.tree(oid, { below: `${found.path}/` })).map(shape) };
  const content = await repo.read(oid, found.path);
  return { status: 200, body: { ...shape(found), encoding: 'base64', content: content.toString('base64') } };
}
