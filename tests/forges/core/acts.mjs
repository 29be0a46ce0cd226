// What people do on the forge's web pages and with their own clones while a client works, and what a
// test sets up beforehand. Each takes one object and gives back what a test may want to know.

import { close, merged, noticeChanges, openRequest, recheck, touch } from './requests.mjs';
import { mergeCommit } from './merge.mjs';
import { ZERO } from './repo.mjs';
import { seed } from './seed.mjs';

export function projectOf({ world }, { project }) {
  const found = world.project(project);
  if (!found) throw new Error(`no project ${project}`);
  return found;
}

export function requestOf(forge, step) {
  const project = projectOf(forge, step);
  const request = project.requests.get(step.number);
  if (!request) throw new Error(`no request ${step.number} in ${project.path}`);
  return { project, request, by: forge.world.need(step.by ?? 'human') };
}

const bytes = (text) => (typeof text === 'object' ? Buffer.from(text.base64, 'base64') : Buffer.from(text));

export const acts = {
  user: ({ world }, step) => ({ id: world.addUser(rest(step)).id }),

  group: ({ world }, step) => ({ id: world.addGroup(rest(step)).id }),

  project: async (forge, step) => {
    const project = await forge.world.addProject(rest(step));
    return {
      id: project.id,
      dir: project.repo.dir,
      url: `${forge.webUrl()}/${project.path}.git`,
      sha: project.repo.branch(project.defaultBranch),
    };
  },

  /** `expiresIn` in seconds of the forge's clock. */
  token: (forge, step) => {
    const { expiresIn, ...given } = rest(step);
    const expiresAt =
      expiresIn === undefined
        ? (given.expiresAt ?? null)
        : forge.world.clock.iso(forge.world.clock.now() + expiresIn * 1000);
    const token = forge.makeToken({ ...given, expiresAt });
    return { name: token.name, secret: token.secret, id: token.id };
  },

  revoke: ({ world }, { name }) => void (world.token(name).revoked = true),

  member: (forge, { project, user, role }) => {
    const { world } = forge;
    projectOf(forge, { project }).members[world.need(user).login] =
      world.roles?.[role] ?? { none: 0, read: 20, write: 30, developer: 30, maintain: 40, admin: 50 }[role] ?? role;
  },

  configure: (forge, { do: _, project, defaultBranch, ...settings }) => {
    const found = projectOf(forge, { project });
    if (defaultBranch) found.defaultBranch = defaultBranch;
    if ('private' in settings) found.private = settings.private;
    Object.assign(found.settings, settings);
  },

  settings: ({ world }, step) => void Object.assign(world.settings, rest(step)),

  clock: ({ world }, step) => world.clock.set(step),

  /** Someone else's commit: `files: {path: text | {base64}}`, `deletions`, on `branch` (made `from` another). */
  push: async (
    forge,
    { project: name, branch, from, parent, files = {}, deletions = [], message = 'A change', by = 'human', token },
  ) => {
    const { world } = forge;
    const project = projectOf(forge, { project: name });
    const user = world.need(by);
    const old = project.repo.branch(branch);
    const on = parent ?? old ?? project.repo.branch(from ?? project.defaultBranch);
    const additions = Object.entries(files).map(([file, text]) => ({ path: file, contents: bytes(text) }));
    const oid = await project.repo.build(on, {
      additions,
      deletions,
      message,
      author: user,
      date: world.clock.seconds(),
    });
    if (!(await project.repo.swap(`refs/heads/${branch}`, oid, old ?? ZERO))) throw new Error(`${branch} moved`);
    await noticeChanges(forge, project, { user, token: token ? world.token(token) : null, via: 'web', entry: null });
    return { sha: oid };
  },

  /** A branch set to a commit, made, or (`to: null`) deleted. */
  reset: async (forge, { project: name, branch, to, by = 'human' }) => {
    const project = projectOf(forge, { project: name });
    const next = to === null ? ZERO : await project.repo.resolve(to);
    if (!next) throw new Error(`no commit ${to}`);
    if (!(await project.repo.swap(`refs/heads/${branch}`, next, project.repo.branch(branch) ?? ZERO)))
      throw new Error(`${branch} moved`);
    await noticeChanges(forge, project, { user: forge.world.need(by), token: null, via: 'web', entry: null });
    return { sha: next };
  },

  rename: ({ world, ...forge }, { project: name, to }) => {
    const project = projectOf({ world }, { project: name });
    if (world.project(to)) throw new Error(`${to} exists`);
    project.former.push(project.path.toLowerCase());
    project.path = to;
    project.namespace = to.split('/').slice(0, -1).join('/');
    return { id: project.id };
  },

  open: async (
    forge,
    {
      project: name,
      head,
      base,
      title = 'A request',
      body = '',
      by = 'human',
      draft = false,
      labels = [],
      source: fork,
    },
  ) => {
    const project = projectOf(forge, { project: name });
    const source = fork ? projectOf(forge, { project: fork }) : project;
    if (!source.repo.branch(head)) throw new Error(`no branch ${head}`);
    const request = openRequest(forge.world, project, {
      source,
      title,
      body,
      head,
      base: base ?? project.defaultBranch,
      author: forge.world.need(by),
      draft,
    });
    request.labels = labels;
    // Both forges keep the commits of a fork's request below a ref of the project's own.
    const kept = `+${request.headSha}:refs/pull/${request.number}/head`;
    if (fork) await project.repo.git(['fetch', '-q', source.repo.dir, kept]);
    forge.world.log.effect(null, 'request', `${project.path} ${head} -> ${request.base}`);
    return { number: request.number };
  },

  /** With no question asked, as an administrator may. */
  merge: async (forge, step) => {
    const { project, request, by } = requestOf(forge, step);
    const { world } = forge;
    const base = project.repo.branch(request.base);
    const message = `Merge ${request.head}\n`;
    const sha = await mergeCommit(project.repo, {
      base,
      head: request.headSha,
      method: step.method ?? 'merge',
      message,
      author: by,
      date: world.clock.seconds(),
    });
    if (!sha) throw new Error('it has conflicts');
    if (!(await project.repo.swap(`refs/heads/${request.base}`, sha, base))) throw new Error(`${request.base} moved`);
    merged(world, request, by, sha);
    await noticeChanges(forge, project, { user: by, token: null, via: 'web', entry: null });
    if (step.deleteBranch)
      await acts.reset(forge, { project: project.path, branch: request.head, to: null, by: by.login });
    return { sha };
  },

  close: (forge, step) => {
    const { request, by } = requestOf(forge, step);
    close(forge.world, request, by);
  },

  reopen: (forge, step) => {
    const { request } = requestOf(forge, step);
    Object.assign(request, { state: 'open', closedAt: null, closedBy: null });
    recheck(forge.world, request);
    touch(forge.world, request);
  },

  edit: (forge, step) => {
    const { request } = requestOf(forge, step);
    for (const field of ['title', 'body', 'base', 'draft', 'labels']) if (field in step) request[field] = step[field];
    if ('reviewers' in step) request.reviewers = step.reviewers.map((login) => forge.world.need(login));
    if ('base' in step) recheck(forge.world, request);
    touch(forge.world, request);
  },

  /** `state`: APPROVED, CHANGES_REQUESTED, COMMENTED. */
  review: (forge, step) => {
    const { request, by } = requestOf(forge, step);
    request.reviews.push({
      id: forge.world.id(),
      user: by,
      state: step.state ?? 'APPROVED',
      body: step.body ?? '',
      sha: request.headSha,
      at: forge.world.clock.iso(),
      dismissed: false,
    });
    touch(forge.world, request);
  },

  comment: (forge, step) => {
    const { request, by } = requestOf(forge, step);
    const now = forge.world.clock.iso();
    const comment = { id: forge.world.id(), author: by, body: step.body, createdAt: now, updatedAt: now };
    request.comments.push(comment);
    return { id: comment.id };
  },

  status: async (forge, { project: name, sha, branch, context = 'ci', state, description = null, by = 'human' }) => {
    const project = projectOf(forge, { project: name });
    const oid = branch ? project.repo.branch(branch) : sha;
    const now = forge.world.clock.iso();
    project.statuses.push({
      id: forge.world.id(),
      sha: oid,
      context,
      state,
      description,
      targetUrl: null,
      ref: branch ?? null,
      by: forge.world.need(by),
      createdAt: now,
      updatedAt: now,
    });
    return { sha: oid };
  },

  sync: (forge, step) =>
    noticeChanges(forge, projectOf(forge, step), { user: null, token: null, via: 'disk', entry: null }).then(
      (changes) => ({ changes }),
    ),

  /** Many open requests at once: `requests`, `head` ("load/{n}"), `title`, `base`, `by`, `labels`. */
  seed: (forge, { do: _, project, ...given }) => seed(forge.world, projectOf(forge, { project }), given),
};

function rest({ do: _, ...given }) {
  return given;
}
