// What GitLab says about things.

import { shownHead } from '../core/requests.mjs';

export function userShape(forge, user) {
  if (!user) return null;
  return {
    id: user.id,
    username: user.login,
    name: user.name,
    state: user.blocked ? 'blocked' : 'active',
    avatar_url: `${forge.webUrl()}/uploads/-/system/user/avatar/${user.id}/avatar.png`,
    web_url: `${forge.webUrl()}/${encodeURIComponent(user.login)}`,
  };
}

export function projectUrl(forge, project) {
  return `${forge.webUrl()}/${project.path.split('/').map(encodeURIComponent).join('/')}`;
}

export function projectShape(forge, project, user) {
  const { world } = forge;
  const { settings } = project;
  const group = world.group(project.namespace);
  const owner = world.user(project.namespace);
  const name = project.path.split('/').at(-1);
  const access = (level) => (level ? { access_level: level, notification_level: 3 } : null);
  return {
    id: project.id,
    description: settings.description ?? null,
    name,
    name_with_namespace: project.path.split('/').join(' / '),
    path: name,
    path_with_namespace: project.path,
    created_at: project.createdAt,
    default_branch: project.repo.branches.length > 0 ? project.defaultBranch : null,
    tag_list: [],
    topics: [],
    ssh_url_to_repo: `git@127.0.0.1:${project.path}.git`,
    http_url_to_repo: `${projectUrl(forge, project)}.git`,
    web_url: projectUrl(forge, project),
    readme_url: null,
    avatar_url: null,
    forks_count: 0,
    star_count: 0,
    last_activity_at: project.events.at(-1)?.at ?? project.createdAt,
    namespace: {
      id: group?.id ?? owner?.id ?? 0,
      name: project.namespace,
      path: project.namespace.split('/').at(-1),
      kind: owner ? 'user' : 'group',
      full_path: project.namespace,
      parent_id: null,
      avatar_url: null,
      web_url: `${forge.webUrl()}/${project.namespace}`,
    },
    archived: settings.archived ?? false,
    visibility: project.private ? 'private' : 'public',
    empty_repo: project.repo.branches.length === 0,
    merge_method: settings.mergeMethod ?? 'merge',
    squash_option: settings.squashOption ?? 'default_off',
    only_allow_merge_if_pipeline_succeeds: settings.pipelineMustSucceed ?? false,
    allow_merge_on_skipped_pipeline: false,
    only_allow_merge_if_all_discussions_are_resolved: settings.discussionsMustBeResolved ?? false,
    remove_source_branch_after_merge: settings.removeSourceBranch ?? false,
    merge_requests_enabled: true,
    merge_pipelines_enabled: settings.mergeTrains ?? false,
    merge_trains_enabled: settings.mergeTrains ?? false,
    ci_push_repository_for_job_token_allowed: settings.jobTokenPush ?? false,
    ci_job_token_scope_enabled: true,
    approvals_before_merge: 0,
    ...(user
      ? {
          permissions: {
            project_access: access(project.members[user.login]),
            group_access: access(group?.members[user.login]),
          },
        }
      : {}),
  };
}

export function commitShape(forge, project, commit) {
  const when = (date) => new Date(date).toISOString();
  return {
    id: commit.oid,
    short_id: commit.oid.slice(0, 8),
    title: commit.message.split('\n')[0],
    created_at: when(commit.committer.date),
    parent_ids: commit.parents,
    message: `${commit.message}\n`,
    author_name: commit.author.name,
    author_email: commit.author.email,
    authored_date: when(commit.author.date),
    committer_name: commit.committer.name,
    committer_email: commit.committer.email,
    committed_date: when(commit.committer.date),
    trailers: {},
    extended_trailers: {},
    web_url: `${projectUrl(forge, project)}/-/commit/${commit.oid}`,
  };
}

const STATES = { open: 'opened', closed: 'closed', merged: 'merged' };
/** The older field of three words. https://docs.gitlab.com/api/merge_requests/#merge-status */
const LEGACY = {
  preparing: 'unchecked',
  unchecked: 'unchecked',
  checking: 'checking',
  conflict: 'cannot_be_merged',
  commits_status: 'cannot_be_merged',
};

/** `status` is the detailed one, from `mergeStatus`. */
export function mergeRequestShape(forge, project, request, status) {
  const url = `${projectUrl(forge, project)}/-/merge_requests/${request.number}`;
  const reference = `!${request.number}`;
  return {
    id: request.id,
    iid: request.number,
    project_id: project.id,
    title: request.title,
    description: request.body,
    state: STATES[request.state],
    created_at: request.createdAt,
    updated_at: request.updatedAt,
    merged_by: userShape(forge, request.mergedBy),
    merge_user: userShape(forge, request.mergedBy ?? request.autoMerge?.by ?? null),
    merged_at: request.mergedAt,
    closed_by: request.state === 'closed' ? userShape(forge, request.closedBy) : null,
    closed_at: request.state === 'closed' ? request.closedAt : null,
    target_branch: request.base,
    source_branch: request.head,
    user_notes_count: request.comments.length,
    upvotes: 0,
    downvotes: 0,
    author: userShape(forge, request.author),
    assignees: request.assignees.map((user) => userShape(forge, user)),
    assignee: userShape(forge, request.assignees[0] ?? null),
    reviewers: request.reviewers.map((user) => userShape(forge, user)),
    source_project_id: request.source.id,
    target_project_id: project.id,
    labels: request.labels,
    draft: isDraft(request),
    imported: false,
    imported_from: 'none',
    work_in_progress: isDraft(request),
    milestone: null,
    // On a merge train too, which is one of the strategies of auto-merge: it is left by "Cancel auto-merge".
    // https://docs.gitlab.com/ci/pipelines/merge_trains/#remove-a-merge-request-from-a-merge-train
    merge_when_pipeline_succeeds:
      Boolean(request.autoMerge) || project.queue.some(({ number }) => number === request.number),
    merge_status: request.state === 'open' ? (LEGACY[status] ?? 'can_be_merged') : 'can_be_merged',
    detailed_merge_status: status,
    merge_after: null,
    sha: shownHead(request),
    merge_commit_sha: request.squashSha && request.mergeSha === request.squashSha ? null : request.mergeSha,
    squash_commit_sha: request.squashSha ?? null,
    discussion_locked: null,
    should_remove_source_branch: request.removeSource || null,
    force_remove_source_branch: request.removeSource || null,
    prepared_at: status === 'preparing' ? null : request.createdAt,
    reference,
    references: { short: reference, relative: reference, full: `${project.path}${reference}` },
    web_url: url,
    time_stats: { time_estimate: 0, total_time_spent: 0, human_time_estimate: null, human_total_time_spent: null },
    squash: request.squash,
    squash_on_merge: request.squash || project.settings.squashOption === 'always',
    task_completion_status: { count: 0, completed_count: 0 },
    // While nobody has looked this is false, and proves nothing.
    has_conflicts: status === 'conflict',
    blocking_discussions_resolved: !request.unresolved,
    approvals_before_merge: null,
  };
}

/** A draft is a matter of the title. https://docs.gitlab.com/user/project/merge_requests/drafts/ */
export function isDraft({ title, draft }) {
  return draft || /^\s*(\[draft\]|draft:|draft -|\(draft\))/i.test(title);
}
