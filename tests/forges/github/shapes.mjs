// What GitHub says about things. Only fields that mean something here; the rest that the description
// requires is filled in with neutral values before the answer is checked.

import { shownHead } from '../core/requests.mjs';
import { linkHeader, page } from '../core/http.mjs';

export function userShape(forge, user) {
  if (!user) return null;
  const url = `${forge.apiUrl()}/users/${encodeURIComponent(user.login)}`;
  const page = user.type === 'Bot' ? `apps/${user.login.replace('[bot]', '')}` : user.login;
  return {
    login: user.login,
    id: user.id,
    node_id: `U_${user.id}`,
    avatar_url: `${forge.webUrl()}/avatars/${user.id}`,
    gravatar_id: '',
    url,
    html_url: `${forge.webUrl()}/${page}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: user.type,
    site_admin: Boolean(user.admin),
  };
}

export function ownerShape(forge, project) {
  const { world } = forge;
  const user = world.user(project.namespace);
  if (user) return userShape(forge, user);
  const group = world.group(project.namespace);
  return {
    login: project.namespace,
    id: group?.id ?? 0,
    node_id: `O_${group?.id ?? 0}`,
    gravatar_id: '',
    type: 'Organization',
    site_admin: false,
    url: `${forge.apiUrl()}/users/${project.namespace}`,
    html_url: `${forge.webUrl()}/${project.namespace}`,
  };
}

export function repoUrl(forge, project) {
  return `${forge.apiUrl()}/repos/${project.path}`;
}

export function repoShape(forge, project, user) {
  const { settings } = project;
  const role = forge.world.role(project, user);
  return {
    id: project.id,
    node_id: `R_${project.id}`,
    name: project.path.split('/').at(-1),
    full_name: project.path,
    owner: ownerShape(forge, project),
    private: project.private,
    visibility: project.private ? 'private' : 'public',
    html_url: `${forge.webUrl()}/${project.path}`,
    url: repoUrl(forge, project),
    clone_url: `${forge.webUrl()}/${project.path}.git`,
    description: settings.description ?? null,
    archived: settings.archived ?? false,
    default_branch: project.defaultBranch,
    permissions: { admin: role >= 50, maintain: role >= 40, push: role >= 30, triage: role >= 25, pull: role >= 20 },
    allow_merge_commit: settings.allowMerge ?? true,
    allow_squash_merge: settings.allowSquash ?? true,
    allow_rebase_merge: settings.allowRebase ?? true,
    allow_auto_merge: settings.allowAutoMerge ?? false,
    allow_update_branch: settings.allowUpdateBranch ?? false,
    delete_branch_on_merge: settings.deleteBranchOnMerge ?? false,
    created_at: project.createdAt,
    updated_at: project.createdAt,
    pushed_at: project.events.at(-1)?.at ?? project.createdAt,
  };
}

/** As it is inside other answers: how it merges is not told there. */
export function smallRepo(forge, project, user) {
  return Object.fromEntries(
    Object.entries(repoShape(forge, project, user)).filter(([key]) => !key.startsWith('allow_')),
  );
}

export function commitUrl(forge, project, oid) {
  return `${repoUrl(forge, project)}/commits/${oid}`;
}

export function commitShape(forge, project, commit) {
  const html = `${forge.webUrl()}/${project.path}/commit/${commit.oid}`;
  const person = ({ name, email, date }) => ({ name, email, date: new Date(date).toISOString().replace('.000Z', 'Z') });
  const account = ({ email }) => userShape(forge, forge.world.userByEmail(email));
  return {
    sha: commit.oid,
    node_id: `C_${commit.oid}`,
    url: commitUrl(forge, project, commit.oid),
    html_url: html,
    commit: {
      url: `${repoUrl(forge, project)}/git/commits/${commit.oid}`,
      author: person(commit.author),
      committer: person(commit.committer),
      message: commit.message,
      tree: { sha: commit.tree, url: `${repoUrl(forge, project)}/git/trees/${commit.tree}` },
      comment_count: 0,
      verification: verification(commit),
    },
    author: account(commit.author),
    committer: account(commit.committer),
    parents: commit.parents.map((sha) => ({ sha, url: commitUrl(forge, project, sha), html_url: html })),
  };
}

export function verification(commit) {
  const signed = commit.committer.email === 'noreply@github.com';
  return { verified: signed, reason: signed ? 'valid' : 'unsigned', signature: null, payload: null, verified_at: null };
}

export function labelShape(forge, project, name) {
  return {
    id: project.id * 1000 + name.length,
    node_id: `LA_${name}`,
    name,
    color: 'ededed',
    default: false,
    description: '',
    url: `${repoUrl(forge, project)}/labels/${encodeURIComponent(name)}`,
  };
}

export function pullUrl(forge, project, request) {
  return `${repoUrl(forge, project)}/pulls/${request.number}`;
}

/** `full` adds what only the single pull request has; `state` is from `mergeState`. */
export function pullShape(forge, project, request, full) {
  const url = pullUrl(forge, project, request);
  const html = `${forge.webUrl()}/${project.path}/pull/${request.number}`;
  const issue = `${repoUrl(forge, project)}/issues/${request.number}`;
  const side = (at, ref, sha) => ({
    label: `${at.namespace}:${ref}`,
    ref,
    sha,
    user: ownerShape(forge, at),
    repo: smallRepo(forge, at),
  });
  const shape = {
    id: request.id,
    node_id: `PR_${project.id}_${request.number}`,
    url,
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: issue,
    commits_url: `${url}/commits`,
    comments_url: `${issue}/comments`,
    statuses_url: `${repoUrl(forge, project)}/statuses/${request.headSha}`,
    number: request.number,
    state: request.state === 'open' ? 'open' : 'closed',
    locked: false,
    title: request.title,
    body: request.body,
    user: userShape(forge, request.author),
    labels: request.labels.map((name) => labelShape(forge, project, name)),
    assignee: userShape(forge, request.assignees[0] ?? null),
    assignees: request.assignees.map((user) => userShape(forge, user)),
    requested_reviewers: request.reviewers.map((user) => userShape(forge, user)),
    requested_teams: request.teams.map((slug) => teamShape(forge, project.namespace, slug)),
    draft: request.draft,
    created_at: request.createdAt,
    updated_at: request.updatedAt,
    closed_at: request.closedAt,
    merged_at: request.mergedAt,
    merge_commit_sha: request.mergeSha ?? full?.testMerge ?? null,
    head: side(request.source, request.head, shownHead(request)),
    base: side(
      project,
      request.base,
      request.state === 'open' ? (project.repo.branch(request.base) ?? request.baseSha) : request.baseSha,
    ),
    _links: Object.fromEntries(
      Object.entries({
        self: url,
        html,
        issue,
        comments: `${issue}/comments`,
        review_comments: `${url}/comments`,
        review_comment: `${repoUrl(forge, project)}/pulls/comments{/number}`,
        commits: `${url}/commits`,
        statuses: `${repoUrl(forge, project)}/statuses/${request.headSha}`,
      }).map(([name, href]) => [name, { href }]),
    ),
    author_association: 'MEMBER',
    auto_merge: autoMergeShape(forge, request),
  };
  if (!full) return shape;
  return {
    ...shape,
    merged: request.state === 'merged',
    mergeable: full.mergeable,
    mergeable_state: full.state,
    rebaseable: full.mergeable,
    merged_by: userShape(forge, request.mergedBy),
    comments: request.comments.length,
    maintainer_can_modify: false,
    ...full.counts,
  };
}

function autoMergeShape(forge, { autoMerge }) {
  if (!autoMerge) return null;
  return {
    enabled_by: userShape(forge, autoMerge.by),
    merge_method: autoMerge.method,
    commit_title: autoMerge.title ?? '',
    commit_message: autoMerge.message ?? '',
  };
}

export function teamShape(forge, org, slug) {
  const team = forge.world.group(org)?.teams[slug];
  const url = `${forge.apiUrl()}/orgs/${org}/teams/${slug}`;
  return {
    id: team?.id ?? 0,
    node_id: `T_${team?.id ?? 0}`,
    name: slug,
    slug,
    description: null,
    privacy: 'closed',
    notification_setting: 'notifications_enabled',
    permission: 'push',
    url,
    html_url: `${forge.webUrl()}/orgs/${org}/teams/${slug}`,
    members_url: `${url}/members{/member}`,
    repositories_url: `${url}/repos`,
  };
}

/** One page, with `Link` to the others. https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
export function paged(ctx, items, shape) {
  const at = page(items, ctx.query);
  const path = ctx.project ? ctx.path.replace(/^\/repos\/[^/]+\/[^/]+/, `/repositories/${ctx.project.id}`) : ctx.path;
  const url = new URL(ctx.forge.apiUrl() + path);
  url.search = ctx.query;
  const pages = {};
  if (at.number > 1) pages.prev = { page: at.number - 1 };
  if (at.number < at.last) Object.assign(pages, { next: { page: at.number + 1 }, last: { page: at.last } });
  if (at.number > 1) pages.first = { page: 1 };
  const link = linkHeader(url, pages);
  return { status: 200, headers: link ? { link } : {}, body: at.items.map(shape) };
}
