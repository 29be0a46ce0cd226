{{/*
The environment of every process of the service, as a list for a container. The later wins:
what the platform says, what databases need, secrets, the developer's own.
*/}}
{{- define "pinrail.env" -}}
{{- $root := . -}}
{{- $values := .Values -}}
{{- $env := dict "ENVIRONMENT" (dict "value" .Values.global.release.environment) -}}
{{- if $values.port -}}
{{- $_ := set $env "PORT" (dict "value" (include "pinrail.text" $values.port)) -}}
{{- end -}}
{{- if $values.postgres.enabled -}}
{{- range $name, $key := $values.postgres.env -}}
{{- if $key -}}
{{- $_ := set $env $name (include "pinrail.env.secret" (list (include "pinrail.postgres.secret" $root) $key) | fromJson) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $values.redis.enabled -}}
{{- range $name, $key := $values.redis.env -}}
{{- if $key -}}
{{- $_ := set $env $name (include "pinrail.env.secret" (list (include "pinrail.part" (list $root "redis")) $key) | fromJson) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $values.secrets.enabled -}}
{{- range $name, $key := $values.secrets.envVarsFromVault -}}
{{- if hasKey $values.envVars $name -}}
{{- fail (printf "`%s` is in both envVars and secrets.envVarsFromVault: leave it in one" $name) -}}
{{- end -}}
{{- $_ := set $env $name (include "pinrail.env.secret" (list (include "pinrail.part" (list $root "secrets")) $name) | fromJson) -}}
{{- end -}}
{{- end -}}
{{- range $name, $given := $values.envVars -}}
{{- if kindIs "map" $given -}}{{- $given = get $given "value" -}}{{- end -}}
{{- $_ := set $env $name (dict "value" (include "pinrail.literal" $given)) -}}
{{- end -}}
{{- $all := list -}}
{{- range $name, $source := $env -}}
{{- $all = append $all (merge (dict "name" $name) $source) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{/* An entry's source in a Secret, as JSON. Takes: list, Secret and key. */}}
{{- define "pinrail.env.secret" -}}
{{- dict "valueFrom" (dict "secretKeyRef" (dict "name" (first .) "key" (last .))) | toJson -}}
{{- end -}}
