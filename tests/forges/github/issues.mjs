// Labels, assignees and comments: a pull request is an issue too.
// https://docs.github.com/en/rest/issues

import { touch } from '../core/requests.mjs';
import { ROLES } from '../core/world.mjs';
import { failed, invalid, notFound } from './errors.mjs';
import { checkBody, requestOf } from './pulls.mjs';
import { labelShape, paged, pullUrl, repoUrl, userShape } from './shapes.mjs';

const REPO = '/repos/{owner}/{repo}';
const ONE = `${REPO}/issues/{issue_number}`;
const write = { needs: 'issues:write|pull_requests:write' };
const read = { needs: 'issues:read|pull_requests:read' };

export default function issues(router) {
  router.on('GET', ONE, read, (ctx) => ({ status: 200, body: issueShape(ctx, requestOf(ctx)) }));
  router.on('PATCH', ONE, write, (ctx) => {
    const request = requestOf(ctx);
    const { labels, assignees } = ctx.body;
    if (labels) request.labels = labels.map((label) => label.name ?? label);
    if (assignees) request.assignees = assignees.map((login) => ctx.world.user(login)).filter(Boolean);
    touch(ctx.world, request);
    ctx.effect('issue-update', `${ctx.project.path}#${request.number} ${JSON.stringify(ctx.body)}`);
    return { status: 200, body: issueShape(ctx, request) };
  });

  router.on('GET', `${REPO}/labels`, read, (ctx) =>
    paged(ctx, [...ctx.project.labels.keys()], (name) => labelShape(ctx.forge, ctx.project, name)),
  );
  router.on('POST', `${REPO}/labels`, write, (ctx) => {
    const { name } = ctx.body;
    if (ctx.project.labels.has(name)) throw failed('Label', 'name', 'already_exists');
    ctx.project.labels.set(name, {});
    ctx.effect('label', `${ctx.project.path} ${name}`);
    return { status: 201, body: labelShape(ctx.forge, ctx.project, name) };
  });
  router.on('GET', `${REPO}/labels/{name}`, read, (ctx) => {
    if (!ctx.project.labels.has(ctx.params.name)) throw notFound();
    return { status: 200, body: labelShape(ctx.forge, ctx.project, ctx.params.name) };
  });

  const labelled = (ctx, change) => {
    const request = requestOf(ctx);
    const given = (ctx.body?.labels ?? ctx.body ?? []).map?.((label) => label.name ?? label) ?? [];
    request.labels = [...new Set(change(request.labels, given))];
    // A label that nobody made is made by its first use.
    request.labels.forEach((name) => ctx.project.labels.has(name) || ctx.project.labels.set(name, {}));
    touch(ctx.world, request);
    ctx.effect('labels', `${ctx.project.path}#${request.number} ${request.labels}`);
    return { status: 200, body: request.labels.map((name) => labelShape(ctx.forge, ctx.project, name)) };
  };
  router.on('GET', `${ONE}/labels`, read, (ctx) =>
    paged(ctx, requestOf(ctx).labels, (name) => labelShape(ctx.forge, ctx.project, name)),
  );
  router.on('POST', `${ONE}/labels`, write, (ctx) => labelled(ctx, (old, given) => [...old, ...given]));
  router.on('PUT', `${ONE}/labels`, write, (ctx) => labelled(ctx, (_, given) => given));
  router.on('DELETE', `${ONE}/labels/{name}`, write, (ctx) => {
    if (!requestOf(ctx).labels.includes(ctx.params.name)) throw notFound();
    return labelled(ctx, (old) => old.filter((name) => name !== ctx.params.name));
  });

  const assigned = (ctx, status, change) => {
    const request = requestOf(ctx);
    // Someone who cannot be assigned is left out without a word.
    const users = (ctx.body?.assignees ?? [])
      .map((login) => ctx.world.user(login))
      .filter((user) => user && ctx.world.role(ctx.project, user) >= ROLES.read);
    request.assignees = [...new Set(change(request.assignees, users))];
    touch(ctx.world, request);
    ctx.effect('assignees', `${ctx.project.path}#${request.number} ${request.assignees.map(({ login }) => login)}`);
    return { status, body: issueShape(ctx, request) };
  };
  router.on('POST', `${ONE}/assignees`, write, (ctx) => assigned(ctx, 201, (old, users) => [...old, ...users]));
  router.on('DELETE', `${ONE}/assignees`, write, (ctx) =>
    assigned(ctx, 200, (old, users) => old.filter((user) => !users.includes(user))),
  );

  router.on('GET', `${ONE}/comments`, read, (ctx) =>
    paged(ctx, requestOf(ctx).comments, (comment) => commentShape(ctx, comment)),
  );
  router.on('POST', `${ONE}/comments`, write, (ctx) => {
    const request = requestOf(ctx);
    checkComment(ctx.body.body);
    const now = ctx.world.clock.iso();
    const comment = { id: ctx.world.id(), author: ctx.user, body: ctx.body.body, createdAt: now, updatedAt: now };
    request.comments.push(comment);
    ctx.effect('comment', `${ctx.project.path}#${request.number} ${comment.body.slice(0, 200)}`);
    return { status: 201, body: commentShape(ctx, comment) };
  });
  const comment = `${REPO}/issues/comments/{comment_id}`;
  router.on('GET', comment, read, (ctx) => ({ status: 200, body: commentShape(ctx, commentOf(ctx).comment) }));
  router.on('PATCH', comment, write, (ctx) => {
    const found = commentOf(ctx).comment;
    checkComment(ctx.body.body);
    Object.assign(found, { body: ctx.body.body, updatedAt: ctx.world.clock.iso() });
    ctx.effect('comment-update', `${ctx.project.path} ${found.id} ${found.body.slice(0, 200)}`);
    return { status: 200, body: commentShape(ctx, found) };
  });
  router.on('DELETE', comment, write, (ctx) => {
    const { request, comment: found } = commentOf(ctx);
    request.comments = request.comments.filter((other) => other !== found);
    ctx.effect('comment-delete', `${ctx.project.path} ${found.id}`);
    return { status: 204 };
  });
}

function checkComment(body) {
  if (body.trim() === '') throw invalid("Validation Failed: body can't be blank");
  checkBody(body);
}

function commentOf({ project, params }) {
  for (const request of project.requests.values()) {
    const comment = request.comments.find(({ id }) => String(id) === params.comment_id);
    if (comment) return { request, comment };
  }
  throw notFound();
}

function commentShape({ forge, project }, { id, author, body, createdAt, updatedAt }) {
  const url = `${repoUrl(forge, project)}/issues/comments/${id}`;
  return {
    id,
    node_id: `IC_${id}`,
    url,
    html_url: url,
    body,
    user: userShape(forge, author),
    created_at: createdAt,
    updated_at: updatedAt,
    issue_url: url,
    author_association: 'MEMBER',
  };
}

function issueShape({ forge, project }, request) {
  const url = `${repoUrl(forge, project)}/issues/${request.number}`;
  return {
    id: request.id,
    node_id: `I_${request.id}`,
    url,
    html_url: url,
    number: request.number,
    title: request.title,
    body: request.body,
    state: request.state === 'open' ? 'open' : 'closed',
    user: userShape(forge, request.author),
    labels: request.labels.map((name) => labelShape(forge, project, name)),
    assignee: userShape(forge, request.assignees[0] ?? null),
    assignees: request.assignees.map((user) => userShape(forge, user)),
    comments: request.comments.length,
    locked: false,
    created_at: request.createdAt,
    updated_at: request.updatedAt,
    closed_at: request.closedAt,
    author_association: 'MEMBER',
    pull_request: { url: pullUrl(forge, project, request), html_url: url, diff_url: url, patch_url: url },
  };
}
