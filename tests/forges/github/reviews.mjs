// Reviewers and reviews. https://docs.github.com/en/rest/pulls/review-requests  https://docs.github.com/en/rest/pulls/reviews

import { touch } from '../core/requests.mjs';
import { ROLES } from '../core/world.mjs';
import { failed, invalid, notFound, refusal } from './errors.mjs';
import { requestOf } from './pulls.mjs';
import { paged, pullShape, pullUrl, teamShape, userShape } from './shapes.mjs';

const ONE = '/repos/{owner}/{repo}/pulls/{pull_number}';
const write = { needs: 'pull_requests:write' };

export default function reviews(router) {
  router.on('GET', `${ONE}/requested_reviewers`, { needs: 'pull_requests:read' }, (ctx) => {
    const { reviewers, teams } = requestOf(ctx);
    return {
      status: 200,
      body: {
        users: reviewers.map((user) => userShape(ctx.forge, user)),
        teams: teams.map((slug) => teamShape(ctx.forge, ctx.project.namespace, slug)),
      },
    };
  });
  router.on('POST', `${ONE}/requested_reviewers`, write, ask);
  router.on('DELETE', `${ONE}/requested_reviewers`, write, (ctx) => {
    const request = requestOf(ctx);
    const { reviewers = [], team_reviewers: teams = [] } = ctx.body;
    request.reviewers = request.reviewers.filter(({ login }) => !reviewers.includes(login));
    request.teams = request.teams.filter((slug) => !teams.includes(slug));
    ctx.effect('reviewers', `${ctx.project.path}#${request.number} -${[...reviewers, ...teams]}`);
    return { status: 200, body: pullShape(ctx.forge, ctx.project, request) };
  });

  router.on('GET', `${ONE}/reviews`, { needs: 'pull_requests:read' }, (ctx) => {
    const request = requestOf(ctx);
    return paged(ctx, request.reviews, (review) => reviewShape(ctx, request, review));
  });
  router.on('POST', `${ONE}/reviews`, write, review);
  router.on('PUT', `${ONE}/reviews/{review_id}/dismissals`, write, (ctx) => {
    const request = requestOf(ctx);
    const found = request.reviews.find(({ id }) => String(id) === ctx.params.review_id);
    if (!found) throw notFound();
    found.dismissed = true;
    return { status: 200, body: reviewShape(ctx, request, found) };
  });
}

function ask(ctx) {
  const { world, project, body = {} } = ctx;
  const request = requestOf(ctx);
  const users = (body.reviewers ?? []).map((login) => ({ login, user: world.user(login) }));
  for (const { login, user } of users) {
    if (!user || world.role(project, user) < ROLES.read)
      throw invalid(
        `Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the ${project.path} repository.`,
      );
    if (user === request.author) throw invalid('Review cannot be requested from pull request author.');
    void login;
  }
  const teams = body.team_reviewers ?? [];
  const known = world.group(project.namespace)?.teams ?? {};
  if (teams.some((slug) => !known[slug]))
    throw invalid(`Could not resolve to a node with the global id of 'T_${teams.join()}'.`);
  request.reviewers = [...new Set([...request.reviewers, ...users.map(({ user }) => user)])];
  request.teams = [...new Set([...request.teams, ...teams])];
  touch(world, request);
  ctx.effect('reviewers', `${project.path}#${request.number} +${[...users.map(({ login }) => login), ...teams]}`);
  return { status: 201, body: pullShape(ctx.forge, project, request) };
}

function review(ctx) {
  const { world, project, user, token, body = {} } = ctx;
  const request = requestOf(ctx);
  const state =
    { APPROVE: 'APPROVED', REQUEST_CHANGES: 'CHANGES_REQUESTED', COMMENT: 'COMMENTED' }[body.event] ?? 'PENDING';
  if (state === 'APPROVED') {
    if (user === request.author)
      throw failed('PullRequestReview', undefined, 'custom', 'Can not approve your own pull request');
    if (token.kind === 'actions' && !project.settings.actionsMayCreatePullRequests)
      throw refusal(403, 'GitHub Actions is not permitted to create or approve pull requests.');
  }
  const made = {
    id: world.id(),
    user,
    state,
    body: body.body ?? '',
    sha: body.commit_id ?? request.headSha,
    at: world.clock.iso(),
    dismissed: false,
  };
  request.reviews.push(made);
  request.reviewers = request.reviewers.filter((other) => other !== user);
  touch(world, request);
  ctx.effect('review', `${project.path}#${request.number} ${state} by ${user.login}`);
  return { status: 200, body: reviewShape(ctx, request, made) };
}

function reviewShape({ forge, project }, request, { id, user, state, body, sha, at, dismissed }) {
  const url = pullUrl(forge, project, request);
  return {
    id,
    node_id: `PRR_${id}`,
    user: userShape(forge, user),
    body,
    state: dismissed ? 'DISMISSED' : state,
    commit_id: sha,
    submitted_at: at,
    pull_request_url: url,
    html_url: url,
    author_association: 'MEMBER',
    _links: { html: { href: url }, pull_request: { href: url } },
  };
}
