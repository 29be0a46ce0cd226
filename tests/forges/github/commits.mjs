// Commits, comparisons, the requests of a commit. https://docs.github.com/en/rest/commits

import { invalid, notFound } from './errors.mjs';
import { fileShape } from './pulls.mjs';
import { commitShape, paged, pullShape, repoUrl } from './shapes.mjs';
import { page } from '../core/http.mjs';

const REPO = '/repos/{owner}/{repo}';
const read = { needs: 'contents:read' };

export default function commits(router) {
  router.on('GET', `${REPO}/compare/{basehead...}`, read, compare);
  router.on('GET', `${REPO}/commits`, read, async (ctx) => {
    const { repo } = ctx.project;
    const oid = await repo.resolve(ctx.query.get('sha') ?? ctx.project.defaultBranch);
    if (!oid) throw notFound();
    const file = ctx.query.get('path');
    const args = [
      '--max-count=2000',
      ...['since', 'until'].filter((key) => ctx.query.has(key)).map((key) => `--${key}=${ctx.query.get(key)}`),
      oid,
    ];
    const found = file ? await logOf(repo, args, file) : await repo.log(args);
    return paged(ctx, found, (commit) => commitShape(ctx.forge, ctx.project, commit));
  });
  router.on('GET', `${REPO}/commits/{commit_sha}/pulls`, { needs: 'pull_requests:read' }, pullsOf);
  router.on('GET', `${REPO}/commits/{ref...}`, read, one);
}

async function logOf(repo, args, file) {
  const oids = await repo.git(['log', '--format=%H', ...args, '--', file]);
  return Promise.all(
    oids
      .split('\n')
      .filter(Boolean)
      .map((oid) => repo.commit(oid)),
  );
}

async function one(ctx) {
  const { forge, project, params } = ctx;
  const oid = await project.repo.resolve(params.ref);
  if (!oid) throw invalid(`No commit found for SHA: ${params.ref}`);
  const commit = await project.repo.commit(oid);
  const empty = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
  const files = await project.repo.diff(commit.parents[0] ?? empty, oid);
  const sum = (field) => files.reduce((total, file) => total + file[field], 0);
  const stats = {
    additions: sum('additions'),
    deletions: sum('deletions'),
    total: sum('additions') + sum('deletions'),
  };
  return {
    status: 200,
    body: { ...commitShape(forge, project, commit), stats, files: files.map((file) => fileShape(ctx, file, oid)) },
  };
}

/** `BASE...HEAD`, from the merge base; commits with their authors, oldest first. */
async function compare(ctx) {
  const { forge, project, params, query } = ctx;
  const { repo } = project;
  const [left, right] = params.basehead.split('...').map((side) => side.slice(side.indexOf(':') + 1));
  const base = left && (await repo.resolve(left));
  const head = right && (await repo.resolve(right));
  if (!base || !head) throw notFound();
  const from = await repo.mergeBase(base, head);
  if (!from) throw notFound();
  const found = await repo.log(['--reverse', `${base}..${head}`]);
  const behind = await repo.count(`${head}..${base}`);
  const status = found.length === 0 ? (behind === 0 ? 'identical' : 'behind') : behind === 0 ? 'ahead' : 'diverged';
  const url = `${repoUrl(forge, project)}/compare/${params.basehead}`;
  const pages = `${forge.webUrl()}/${project.path}/compare/${params.basehead}`;
  const at = page(found, query, { perPage: 250, most: 250 });
  return {
    status: 200,
    body: {
      url,
      html_url: pages,
      permalink_url: pages,
      diff_url: `${pages}.diff`,
      patch_url: `${pages}.patch`,
      base_commit: commitShape(forge, project, await repo.commit(base)),
      merge_base_commit: commitShape(forge, project, await repo.commit(from)),
      status,
      ahead_by: found.length,
      behind_by: behind,
      total_commits: found.length,
      commits: at.items.map((commit) => commitShape(forge, project, commit)),
      files: (await repo.diff(from, head)).map((file) => fileShape(ctx, file, head)),
    },
  };
}

/** Merged requests that brought the commit to the default branch, else open ones that have it. */
async function pullsOf(ctx) {
  const { forge, project, params } = ctx;
  const { repo } = project;
  const oid = await repo.resolve(params.commit_sha);
  if (!oid) throw notFound();
  const found = [];
  for (const request of project.requests.values()) {
    if (request.state === 'closed') continue;
    const base = request.state === 'merged' ? request.baseSha : repo.branch(request.base);
    const mine =
      request.mergeSha === oid ||
      request.headSha === oid ||
      (project.requests.size < 500 &&
        (await repo.isAncestor(oid, request.headSha)) &&
        !(await repo.isAncestor(oid, base)));
    if (mine) found.push(request);
  }
  return paged(ctx, found, (request) => pullShape(forge, project, request));
}
