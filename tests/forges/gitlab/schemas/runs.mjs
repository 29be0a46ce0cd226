// Pipelines, statuses, environments, deployments. See ../schemas.mjs.

import { int, str, bool, date, uri, sha, any, or, list, one, see, object } from './notation.mjs';

const pipeline = {
  id: int,
  iid: int,
  project_id: int,
  sha,
  ref: str,
  status: one(
    'created',
    'waiting_for_resource',
    'preparing',
    'pending',
    'running',
    'success',
    'failed',
    'canceled',
    'skipped',
    'manual',
    'scheduled',
  ),
  source: str,
  created_at: date,
  updated_at: date,
  web_url: uri,
};

const environment = {
  id: int,
  name: str,
  slug: str,
  description: or(str),
  external_url: or(str),
  state: one('available', 'stopping', 'stopped'),
  tier: one('production', 'staging', 'testing', 'development', 'other'),
  created_at: date,
  updated_at: date,
  auto_stop_at: or(date),
  auto_stop_setting: str,
};

export default {
  pipeline: object('pipeline/basic.json', pipeline),
  pipelines: list(see('pipeline')),
  status: object(
    'commits.md#set-commit-pipeline-status',
    {
      id: int,
      sha,
      ref: or(str),
      status: one('pending', 'running', 'success', 'failed', 'canceled', 'skipped'),
      name: str,
      target_url: or(str),
      description: or(str),
      created_at: date,
      started_at: or(date),
      finished_at: or(date),
      allow_failure: bool,
      coverage: or({ type: 'number' }),
      author: see('user'),
    },
    { pipeline_id: or(int) },
  ),
  statuses: list(see('status')),
  environment: object('environment.json', environment, { last_deployment: or(see('deployment')), project: any }),
  environments: list(see('environment')),
  // `pending_approval_count` and `approvals` come with Premium.
  deployment: object('deployment.json', {
    id: int,
    iid: int,
    ref: str,
    sha,
    created_at: date,
    updated_at: date,
    user: or(see('user')),
    deployable: or(any),
    environment: or(object('', environment)),
    status: one('created', 'running', 'success', 'failed', 'canceled', 'blocked'),
  }),
  deployments: list(see('deployment')),
};
