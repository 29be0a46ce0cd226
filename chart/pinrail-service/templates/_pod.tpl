{{/*
Every pod of the chart is made here, so that none is less safe than another. Each passes Pod
Security `restricted`.

Takes: dict
  root, component  whose pod
  image            which image; the service's own is "pinrail.image"
  command, args    lists; empty is the image's own
  env              YAML of a list, perhaps empty
  resources        YAML
  container        YAML of further fields of the container: ports, probes, lifecycle
  mounts, volumes  YAML of lists, beside /tmp
  uses             the mount paths in use, so that /tmp may be the developer's
  fields           YAML of further fields of the pod
  labels           YAML of further labels
*/}}
{{- define "pinrail.pod" -}}
{{- $values := .root.Values -}}
{{- $platform := $values.global.platform -}}
{{- $service := include "pinrail.service" .root -}}
{{- $user := $values.security.runAsUser | default "platform" -}}
{{- if or (eq (toString $user) "platform") .platformUser -}}{{- $user = $platform.security.runAsUser -}}{{- end -}}
metadata:
  labels:
    {{- include "pinrail.pod.labels" (list .root .component) | nindent 4 }}
    {{- with .labels }}
    {{- . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ $service }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- if $platform.registry.pullSecretFromVault }}
  imagePullSecrets:
    - name: {{ include "pinrail.part" (list .root "registry") }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    {{- if ne (toString $user) "image" }}
    runAsUser: {{ int64 $user }}
    runAsGroup: {{ int64 $user }}
    {{- end }}
    fsGroup: {{ ternary $platform.security.runAsUser $user (eq (toString $user) "image") | int64 }}
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- with .fields }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
    - name: {{ .containerName | default "app" }}
      image: {{ .image | quote }}
      imagePullPolicy: IfNotPresent
      {{- if .command }}
      command:
        {{- include "pinrail.literals" .command | fromJsonArray | toYaml | nindent 8 }}
      {{- end }}
      {{- if .args }}
      args:
        {{- include "pinrail.literals" .args | fromJsonArray | toYaml | nindent 8 }}
      {{- end }}
      {{- with .env }}
      env:
        {{- . | nindent 8 }}
      {{- end }}
      {{- with .container }}
      {{- . | nindent 6 }}
      {{- end }}
      resources:
        {{- .resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        {{- if not (has "/tmp" (.uses | default list)) }}
        - name: tmp
          mountPath: /tmp
        {{- end }}
        {{- with .mounts }}
        {{- . | nindent 8 }}
        {{- end }}
  volumes:
    {{- if not (has "/tmp" (.uses | default list)) }}
    - name: tmp
      emptyDir: {}
    {{- end }}
    {{- with .volumes }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/*
A pod of the service's own image: app, worker, cron, job and migration differ in what they run
and in nothing else.
Takes: dict, root, component, command, args, size; perhaps container, fields, disks.
*/}}
{{- define "pinrail.pod.own" -}}
{{- $storage := include "pinrail.storage" . | fromYaml -}}
{{- $version := .root.Values.global.release.image.tag | default .root.Values.global.release.revision | toString | trunc 63 -}}
{{- include "pinrail.pod" (dict
  "root" .root
  "component" .component
  "image" (include "pinrail.image" .root)
  "command" .command
  "args" .args
  "env" (include "pinrail.env" .root)
  "resources" (include "pinrail.resources" (list .root (.size | default .root.Values.size | default "S")))
  "container" .container
  "fields" .fields
  "labels" (printf "app.kubernetes.io/version: %s" ($version | trimAll "._-" | quote))
  "mounts" (empty $storage.mounts | ternary "" (toYaml $storage.mounts))
  "volumes" (empty $storage.volumes | ternary "" (toYaml $storage.volumes))
  "uses" $storage.paths
) -}}
{{- end -}}

{{/* Spreads the pods of a Deployment over machines and zones, as far as that is possible. */}}
{{- define "pinrail.spread" -}}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "pinrail.selector.of" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end -}}
