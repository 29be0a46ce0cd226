{{/*
The head of an ExternalSecret and its spec up to `data`. What the operator would fill in is
written out, or Argo CD would see a difference.
Takes: dict, root, part; perhaps policy, template.
*/}}
{{- define "pinrail.externalsecret" -}}
{{- $secrets := .root.Values.global.platform.secrets -}}
apiVersion: external-secrets.io/v1
kind: ExternalSecret
{{ include "pinrail.metadata" (dict "root" .root "component" .part "wave" -30) }}
spec:
  {{- if .generated }}
  refreshPolicy: CreatedOnce
  {{- else }}
  refreshPolicy: Periodic
  refreshInterval: {{ $secrets.refresh | quote }}
  secretStoreRef:
    kind: {{ $secrets.store.kind }}
    name: {{ $secrets.store.name }}
  {{- end }}
  target:
    name: {{ include "pinrail.part" (list .root .part) }}
    creationPolicy: Owner
    deletionPolicy: Retain
    {{- with .template }}
    template:
      engineVersion: v2
      mergePolicy: Replace
      {{- . | nindent 6 }}
    {{- end }}
{{- end -}}

{{/* One key from Vault. Takes: list, key of the Secret, place and key in Vault. */}}
{{- define "pinrail.vault" -}}
secretKey: {{ index . 0 }}
remoteRef:
  key: {{ index . 1 | quote }}
  property: {{ index . 2 | quote }}
  conversionStrategy: Default
  decodingStrategy: None
  metadataPolicy: None
{{- end -}}
