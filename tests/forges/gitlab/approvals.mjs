// Approvals. https://docs.gitlab.com/api/merge_request_approvals/

import { touch } from '../core/requests.mjs';
import { refusal, unauthorized } from './errors.mjs';
import { approvalRules, approversOf, mergeStatus } from './merging.mjs';
import { requestOf } from './merge-requests.mjs';
import { paged } from './paging.mjs';
import { mergeRequestShape, userShape } from './shapes.mjs';

const ONE = '/projects/{id}/merge_requests/{iid}';

export default function approvals(router) {
  router.on('GET', `${ONE}/approvals`, { shape: 'approvals' }, async (ctx) => ({
    status: 200,
    body: await shape(ctx, requestOf(ctx)),
  }));
  router.on('POST', `${ONE}/approve`, { shape: 'approvals' }, approve);
  router.on('POST', `${ONE}/unapprove`, { shape: 'approvals' }, async (ctx) => {
    const request = requestOf(ctx);
    if (!approversOf(request).includes(ctx.user)) throw refusal(404, '404 Not found');
    request.reviews = request.reviews.filter((review) => !(review.user === ctx.user && review.state === 'APPROVED'));
    touch(ctx.world, request);
    ctx.effect('review', `${ctx.project.path}!${request.number} unapprove by ${ctx.user.login}`);
    return { status: 201, body: await shape(ctx, request) };
  });
  router.on('GET', `${ONE}/approval_rules`, { shape: 'approvalRules' }, async (ctx) =>
    paged(ctx, await approvalRules(ctx.world, ctx.project, requestOf(ctx)), (rule) => ruleShape(ctx, rule)),
  );
  router.on('GET', `${ONE}/approval_state`, { shape: 'approvalState' }, async (ctx) => {
    const rules = await approvalRules(ctx.world, ctx.project, requestOf(ctx));
    return {
      status: 200,
      body: {
        approval_rules_overwritten: false,
        rules: rules.map((rule) => ({
          ...ruleShape(ctx, rule),
          approved_by: rule.by.map((user) => userShape(ctx.forge, user)),
          approved: rule.left === 0,
          code_owner: rule.type === 'code_owner',
        })),
      },
    };
  });
}

async function approve(ctx) {
  const { world, project, user, body = {} } = ctx;
  const request = requestOf(ctx);
  if (body.sha && body.sha !== request.headSha)
    throw refusal(409, `SHA does not match HEAD of source branch: ${request.headSha}`);
  const own = user === request.author && !project.settings.authorMayApprove;
  if (own || approversOf(request).includes(user) || request.state !== 'open') throw unauthorized();
  request.reviews = request.reviews.filter((review) => !(review.user === user && review.state === 'CHANGES_REQUESTED'));
  request.reviews.push({
    id: world.id(),
    user,
    state: 'APPROVED',
    body: '',
    sha: request.headSha,
    at: world.clock.iso(),
    dismissed: false,
  });
  touch(world, request);
  ctx.effect('review', `${project.path}!${request.number} APPROVED by ${user.login}`);
  return { status: 201, body: await shape(ctx, request) };
}

async function shape(ctx, request) {
  const { forge, world, project, user } = ctx;
  const { id, iid, project_id, title, description, state, created_at, updated_at, merge_status } = mergeRequestShape(
    forge,
    project,
    request,
    await mergeStatus(world, project, request),
  );
  const rules = await approvalRules(world, project, request);
  const approvers = approversOf(request);
  const left = Math.max(0, ...rules.map((rule) => rule.left));
  return {
    id,
    iid,
    project_id,
    title,
    description,
    state,
    created_at,
    updated_at,
    merge_status,
    approved: left === 0 && (rules.length > 0 || approvers.length > 0),
    approvals_required: Math.max(0, ...rules.map((rule) => rule.required)),
    approvals_left: left,
    require_password_to_approve: false,
    approved_by: request.reviews
      .filter((review) => review.state === 'APPROVED' && !review.dismissed)
      .map((review) => ({ user: userShape(forge, review.user), approved_at: review.at })),
    suggested_approvers: [],
    approvers: [],
    approver_groups: [],
    user_has_approved: approvers.includes(user),
    user_can_approve:
      !approvers.includes(user) && (user !== request.author || Boolean(project.settings.authorMayApprove)),
    approval_rules_left: rules
      .filter((rule) => rule.left > 0)
      .map((rule) => ({ id: rule.id, name: rule.name, rule_type: rule.type })),
    has_approval_rules: rules.length > 0,
    merge_request_approvers_available: true,
    multiple_approval_rules_available: true,
    invalid_approvers_rules: [],
  };
}

function ruleShape({ forge, world }, { id, name, type, required, users = [], groups = [], eligible }) {
  return {
    id,
    name,
    rule_type: type,
    approvals_required: required,
    eligible_approvers: eligible.map((user) => userShape(forge, user)),
    users: users.map((login) => userShape(forge, world.need(login))),
    groups: groups.map((path) => ({ id: world.group(path)?.id ?? 0, name: path, full_path: path })),
    contains_hidden_groups: false,
    section: null,
  };
}
