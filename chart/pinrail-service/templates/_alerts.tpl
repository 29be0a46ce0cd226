{{/*
The alerts, as YAML of a list: those that fit every service, from what Kubernetes tells of its
objects, and the developer's own.
*/}}
{{- define "pinrail.alerts" -}}
{{- $release := .Values.global.release -}}
{{- $service := include "pinrail.service" . -}}
{{- $namespace := printf "namespace=%q" .Release.Namespace -}}
{{- $pods := printf "%s, pod=~\"%s-[a-z0-9]+-[a-z0-9]+|%s--.*\"" $namespace $service $service -}}
{{- $labels := dict "service" $service "domain" $release.domain "environment" $release.environment -}}
{{- $rules := list -}}
{{- if .Values.alerts.defaults -}}
{{- if include "pinrail.app" . -}}
{{- $rules = append $rules (dict
  "alert" "ServiceDown"
  "expr" (printf "kube_deployment_status_replicas_available{%s, deployment=%q} == 0" $namespace $service)
  "for" "5m"
  "labels" (merge (dict "severity" "critical") $labels)
  "annotations" (dict "summary" (printf "No pod of %s is ready" $service))
) -}}
{{- end -}}
{{- $rules = append $rules (dict
  "alert" "PodsRestarting"
  "expr" (printf "increase(kube_pod_container_status_restarts_total{%s}[15m]) > 3" $pods)
  "for" "5m"
  "labels" (merge (dict "severity" "warning") $labels)
  "annotations" (dict "summary" (printf "Pods of %s restart again and again" $service))
) -}}
{{- $rules = append $rules (dict
  "alert" "JobFailed"
  "expr" (printf "kube_job_status_failed{%s, job_name=~\"%s--.*\"} > 0" $namespace $service)
  "for" "1m"
  "labels" (merge (dict "severity" "warning") $labels)
  "annotations" (dict "summary" (printf "A migration, cron job or job of %s failed" $service))
) -}}
{{- $rules = append $rules (dict
  "alert" "DiskAlmostFull"
  "expr" (printf "kubelet_volume_stats_available_bytes{%s, persistentvolumeclaim=~\"%s--.*\"} / kubelet_volume_stats_capacity_bytes < 0.1" $namespace $service)
  "for" "15m"
  "labels" (merge (dict "severity" "warning") $labels)
  "annotations" (dict "summary" (printf "A disk of %s is almost full" $service))
) -}}
{{- end -}}
{{- range $name, $rule := .Values.alerts.rules -}}
{{- $own := dict "alert" $name "expr" $rule.expr "labels" (merge (dict "severity" ($rule.severity | default "warning")) $labels) -}}
{{- with $rule.for -}}{{- $_ := set $own "for" . -}}{{- end -}}
{{- with $rule.summary -}}{{- $_ := set $own "annotations" (dict "summary" .) -}}{{- end -}}
{{- $rules = append $rules $own -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}
