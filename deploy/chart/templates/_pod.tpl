{{- /* what the pods of service, workers and migrations have in common */ -}}
{{- define "unmask.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
shareProcessNamespace: true  # the pause container reaps processes that a killed parent leaves
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "unmask.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .affinity }}
affinity: {{ toJson . }}
{{- end }}
{{- end }}

{{- define "unmask.volumes" -}}
- name: scratch
  emptyDir: {sizeLimit: {{ .Values.scratch.sizeLimit }}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- end }}

{{- define "unmask.container" -}}
image: {{ include "unmask.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "unmask.volumeMounts" -}}
- {name: scratch, mountPath: /var/lib/unmask}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "unmask.environment" -}}
- {name: UNMASK_FOLDER, value: /var/lib/unmask/service}  # its owner is the user, unlike that of a volume
- name: UNMASK_DATABASE
  valueFrom: {secretKeyRef: {name: {{ .Values.secrets.connections }}, key: UNMASK_DATABASE}}
- name: UNMASK_QUEUE
  valueFrom: {secretKeyRef: {name: {{ .Values.secrets.connections }}, key: UNMASK_QUEUE}}
{{- range list "UNMASK_RATE_LIMIT_STORE" "UNMASK_SECRET" "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $.Values.secrets.connections }}, key: {{ . }}, optional: true}}
{{- end }}
- {name: UNMASK_STORAGE, value: {{ .Values.storage.url | quote }}}
{{- with .Values.storage.endpoint }}
- {name: UNMASK_S3_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- with .Values.storage.region }}
- {name: AWS_DEFAULT_REGION, value: {{ . | quote }}}
{{- end }}
{{- range $name, $value := .Values.settings }}
- {name: {{ $name }}, value: {{ kindIs "string" $value | ternary $value ($value | toJson) | quote }}}
{{- end }}
{{- end }}
