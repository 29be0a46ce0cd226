// What GitLab's answers look like: the facts of its own published JSON Schemas, written down anew in
// one notation. Each says in `of` which file it restates, below
// https://gitlab.com/gitlab-org/gitlab-foss/-/tree/master/spec/fixtures/api/schemas/public_api/v4
// or, where there is none, which page of https://docs.gitlab.com/api/ names the fields. Stricter than
// theirs: no field is allowed that is not listed, and where theirs lag behind the documentation
// (`"type": "date"` is no JSON Schema), the documentation wins.

const int = { type: 'integer' };
const str = { type: 'string' };
const bool = { type: 'boolean' };
const date = { type: 'string', format: 'date-time' };
const uri = { type: 'string', format: 'uri' };
const sha = { type: 'string', pattern: '^[0-9a-f]{40}$' };
const any = {};
const or = (type) => ({ anyOf: [type, { type: 'null' }] });
const list = (items) => ({ type: 'array', items });
const one = (...values) => ({ enum: values });
const see = (name) => ({ $ref: `#/${name}` });
const object = (of, required, optional = {}) => ({ $comment: of, type: 'object', properties: { ...required, ...optional }, required: Object.keys(required), additionalProperties: false });

const user = object('user/basic.json', { id: int, username: str, name: str, state: one('active', 'blocked'), avatar_url: or(str), web_url: uri }, { public_email: or(str), locked: bool });

const mergeRequest = {
  id: int, iid: int, project_id: int, title: str, description: or(str), state: one('opened', 'closed', 'locked', 'merged'), created_at: date, updated_at: date,
  merged_by: or(see('user')), merge_user: or(see('user')), merged_at: or(date), closed_by: or(see('user')), closed_at: or(date), target_branch: str, source_branch: str,
  user_notes_count: int, upvotes: int, downvotes: int, author: see('user'), assignees: list(see('user')), assignee: or(see('user')), reviewers: list(see('user')),
  source_project_id: int, target_project_id: int, labels: list(str), draft: bool, imported: bool, imported_from: str, work_in_progress: bool, milestone: { type: 'null' },
  merge_when_pipeline_succeeds: bool, merge_status: one('unchecked', 'checking', 'can_be_merged', 'cannot_be_merged', 'cannot_be_merged_recheck'),
  // https://docs.gitlab.com/api/merge_requests/#merge-status
  detailed_merge_status: one(
    'approvals_syncing', 'checking', 'ci_must_pass', 'ci_still_running', 'commits_status', 'conflict', 'discussions_not_resolved', 'draft_status', 'jira_association_missing', 'locked_lfs_files',
    'locked_paths', 'merge_request_blocked', 'merge_time', 'mergeable', 'need_rebase', 'not_approved', 'not_open', 'preparing', 'requested_changes', 'security_policy_violations', 'security_policy_pipeline_check', 'status_checks_must_pass', 'title_regex', 'unchecked',
  ),
  sha: or(sha), merge_commit_sha: or(sha), squash_commit_sha: or(sha), discussion_locked: or(bool), should_remove_source_branch: or(bool), force_remove_source_branch: or(bool),
  prepared_at: or(date), reference: str, references: object('', { short: str, relative: str, full: str }), web_url: uri,
  time_stats: object('', { time_estimate: int, total_time_spent: int, human_time_estimate: or(str), human_total_time_spent: or(str) }),
  squash: bool, squash_on_merge: bool, task_completion_status: object('', { count: int, completed_count: int }), has_conflicts: bool, blocking_discussions_resolved: bool,
  merge_after: or(date), approvals_before_merge: or(int),
};
const pipeline = { id: int, iid: int, project_id: int, sha, ref: str, status: one('created', 'waiting_for_resource', 'preparing', 'pending', 'running', 'success', 'failed', 'canceled', 'skipped', 'manual', 'scheduled'), source: str, created_at: date, updated_at: date, web_url: uri };
const commit = { id: sha, short_id: str, title: str, created_at: date, parent_ids: list(sha), message: str, author_name: str, author_email: str, authored_date: date, committer_name: str, committer_email: str, committed_date: date, trailers: any, extended_trailers: any, web_url: uri };
const level = object('protected_branches.md', { id: int, access_level: or(one(0, 30, 40, 60)), access_level_description: str, user_id: or(int), group_id: or(int), deploy_key_id: or(int) });
const environment = { id: int, name: str, slug: str, description: or(str), external_url: or(str), state: one('available', 'stopping', 'stopped'), tier: one('production', 'staging', 'testing', 'development', 'other'), created_at: date, updated_at: date, auto_stop_at: or(date), auto_stop_setting: str };
const member = object('members.json', { id: int, username: str, name: str, state: str, avatar_url: or(str), web_url: or(str), access_level: int, expires_at: or(str) }, { public_email: or(str), locked: bool, created_at: date, membership_state: str });
const rule = object('merge_request_approvals.md', { id: int, name: str, rule_type: one('any_approver', 'regular', 'code_owner', 'report_approver'), eligible_approvers: list(see('user')), approvals_required: int, users: list(see('user')), groups: list(any), contains_hidden_groups: bool }, { protected_branches: list(any), applies_to_all_protected_branches: bool, section: or(str), approved_by: list(see('user')), approved: bool, source_rule: any, code_owner: bool, overridden: bool });

export const schemas = {
  user,
  users: list(see('user')),
  // https://docs.gitlab.com/api/users/#retrieve-the-current-user
  me: object('user/public.json', { id: int, username: str, name: str, state: str, avatar_url: or(str), web_url: uri, created_at: date, email: str, bot: bool }, { locked: bool, public_email: or(str), bio: or(str), is_admin: bool, commit_email: str, external: bool }),
  group: object('groups.md', { id: int, name: str, path: str, full_path: str, full_name: str, description: or(str), visibility: str, web_url: uri, parent_id: or(int), created_at: date }),
  member,
  members: list(see('member')),
  metadata: object('metadata.json', { version: str, revision: str, kas: object('', { enabled: bool, externalUrl: or(str), version: or(str) }, { externalK8sProxyUrl: or(str) }), enterprise: bool }),
  version: object('version.md', { version: str, revision: str }),
  job: object('job.json', { id: int, name: str, status: str, stage: str, ref: str, tag: bool, created_at: date, user: see('user'), web_url: uri, project: any, pipeline: any }),
  token: object('personal_access_tokens.md', { id: int, name: str, revoked: bool, created_at: date, scopes: list(str), user_id: int, active: bool, expires_at: or(str) }, { description: or(str), last_used_at: or(date) }),
  project: object(
    'project.json',
    {
      id: int, description: or(str), name: str, name_with_namespace: str, path: str, path_with_namespace: str, created_at: date, default_branch: or(str), tag_list: list(str), ssh_url_to_repo: str, http_url_to_repo: str, web_url: str,
      readme_url: or(str), avatar_url: or(str), forks_count: int, star_count: int, last_activity_at: date, namespace: object('', { id: int, name: str, path: str, kind: one('group', 'user'), full_path: str, parent_id: or(int), avatar_url: or(str), web_url: str }),
    },
    {
      topics: list(str), archived: bool, visibility: one('private', 'internal', 'public'), empty_repo: bool, merge_method: one('merge', 'rebase_merge', 'ff'), squash_option: one('never', 'always', 'default_on', 'default_off'),
      only_allow_merge_if_pipeline_succeeds: bool, allow_merge_on_skipped_pipeline: or(bool), only_allow_merge_if_all_discussions_are_resolved: bool, remove_source_branch_after_merge: bool, merge_requests_enabled: bool, merge_pipelines_enabled: bool, merge_trains_enabled: bool,
      ci_push_repository_for_job_token_allowed: bool, ci_job_token_scope_enabled: bool, approvals_before_merge: int,
      permissions: object('', { project_access: or(object('', { access_level: int, notification_level: int })), group_access: or(object('', { access_level: int, notification_level: int })) }),
    },
  ),
  projects: list(see('project')),
  commit: object('commit/basic.json', commit),
  commits: list(see('commit')),
  commitDetail: object('commit/detail.json', { ...commit, stats: object('commit_stats.json', { additions: int, deletions: int, total: int }), status: or(str), project_id: int }, { last_pipeline: or(see('pipeline')) }),
  branch: object('branch.json', { name: str, commit: see('commit'), merged: bool, protected: bool, default: bool, developers_can_push: bool, developers_can_merge: bool, can_push: bool, web_url: uri }),
  branches: list(see('branch')),
  protectedBranch: object('protected_branches.md', { id: int, name: str, push_access_levels: list(level), merge_access_levels: list(level), allow_force_push: bool, code_owner_approval_required: bool }, { unprotect_access_levels: list(level), inherited: bool }),
  protectedBranches: list(see('protectedBranch')),
  file: object('repository_files.md', { file_name: str, file_path: str, size: int, encoding: one('base64'), content_sha256: str, ref: str, blob_id: sha, commit_id: sha, last_commit_id: sha, execute_filemode: bool, content: str }),
  tree: list(object('repositories.md', { id: sha, name: str, type: one('tree', 'blob', 'commit'), path: str, mode: str })),
  compare: object('repositories.md', { commit: or(see('commit')), commits: list(see('commit')), diffs: list(any), compare_timeout: bool, compare_same_ref: bool, web_url: str }),
  pipeline: object('pipeline/basic.json', pipeline),
  pipelines: list(see('pipeline')),
  status: object('commits.md#set-commit-pipeline-status', { id: int, sha, ref: or(str), status: one('pending', 'running', 'success', 'failed', 'canceled', 'skipped'), name: str, target_url: or(str), description: or(str), created_at: date, started_at: or(date), finished_at: or(date), allow_failure: bool, coverage: or({ type: 'number' }), author: see('user') }, { pipeline_id: or(int) }),
  statuses: list(see('status')),
  mergeRequest: object('merge_request.json', mergeRequest, {
    subscribed: bool, changes_count: or(str), latest_build_started_at: or(date), latest_build_finished_at: or(date), first_deployed_to_production_at: or(date), pipeline: or(see('pipeline')), head_pipeline: or(any),
    diff_refs: or(object('', { base_sha: sha, head_sha: sha, start_sha: sha })), merge_error: or(str), user: object('', { can_merge: bool }), rebase_in_progress: bool, diverged_commits_count: int, first_contribution: bool,
  }),
  mergeRequests: list(object('merge_requests.json', mergeRequest)),
  rebase: object('merge_requests.md#rebase-a-merge-request', { rebase_in_progress: bool }),
  // https://docs.gitlab.com/api/merge_request_approvals/#single-merge-request-approval
  approvals: object('merge_request_approvals.md', { id: int, iid: int, project_id: int, title: str, description: or(str), state: str, created_at: date, updated_at: date, merge_status: str, approved: bool, approvals_required: int, approvals_left: int, require_password_to_approve: bool, approved_by: list(object('', { user: see('user'), approved_at: date })), suggested_approvers: list(see('user')), approvers: list(any), approver_groups: list(any), user_has_approved: bool, user_can_approve: bool, approval_rules_left: list(any), has_approval_rules: bool, merge_request_approvers_available: bool, multiple_approval_rules_available: bool, invalid_approvers_rules: list(any) }),
  approvalState: object('merge_request_approvals.md', { approval_rules_overwritten: bool, rules: list(rule) }),
  approvalRules: list(rule),
  note: object('notes.json', { id: int, type: or(str), body: str, attachment: { type: 'null' }, author: see('user'), created_at: date, updated_at: date, system: bool, noteable_id: int, noteable_type: one('MergeRequest'), project_id: int, resolvable: bool, confidential: bool, internal: bool, imported: bool, imported_from: str, noteable_iid: int, commands_changes: any }),
  notes: list(see('note')),
  reviewers: list(object('merge_requests.md', { user: see('user'), state: one('unreviewed', 'reviewed', 'requested_changes', 'approved', 'unapproved', 'review_started'), created_at: date })),
  label: object('labels/project_label.json', { id: int, name: str, color: str, text_color: str, description: or(str), description_html: or(str), archived: bool, subscribed: bool, priority: or(int), is_project_label: bool }, { open_issues_count: int, closed_issues_count: int, open_merge_requests_count: int }),
  labels: list(see('label')),
  environment: object('environment.json', environment, { last_deployment: or(see('deployment')), project: any }),
  environments: list(see('environment')),
  // `pending_approval_count` and `approvals` come with Premium.
  deployment: object('deployment.json', { id: int, iid: int, ref: str, sha, created_at: date, updated_at: date, user: or(see('user')), deployable: or(any), environment: or(object('', environment)), status: one('created', 'running', 'success', 'failed', 'canceled', 'blocked') }),
  deployments: list(see('deployment')),
  train: object('merge_trains.md', { id: int, merge_request: object('', { id: int, iid: int, project_id: int, title: str, description: or(str), state: str, created_at: date, updated_at: date, web_url: uri }), user: see('user'), pipeline: or(see('pipeline')), created_at: date, updated_at: date, target_branch: str, status: one('idle', 'stale', 'fresh', 'merging', 'merged', 'skip_merged'), merged_at: or(date), duration: or(int) }),
  trains: list(see('train')),
  /** Errors: a text, an array of texts, or texts by field; or OAuth's form. https://docs.gitlab.com/api/rest/troubleshooting/#status-code-400 */
  error: { anyOf: [
    { type: 'object', required: ['message'], properties: { message: { anyOf: [str, list(str), { type: 'object', additionalProperties: list(str) }] } }, additionalProperties: false },
    { type: 'object', required: ['error'], properties: { error: str, error_description: str, scope: str }, additionalProperties: false },
  ] },
};
