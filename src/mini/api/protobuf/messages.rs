//! Which field of a message has which number and type.

/// A field's type on the wire and in JSON.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Text,
    Base64,
    /// A number that may be left out, and zero.
    Number,
    /// A number that is always sent; zero means nothing.
    Count,
    Bool,
    Message(&'static str),
    /// A message whose fields are in JSON its parent's.
    Inline(&'static str),
    Many(&'static Field),
    /// A map from strings.
    MapOf(&'static Field),
    /// `resource.Quantity`: its text.
    Quantity,
    /// `intstr.IntOrString`.
    IntOrText,
    /// Set by the server, whatever a client says.
    Servers,
}

use Field::{Base64, Bool, Count, Inline, IntOrText, Many, MapOf, Message, Number, Quantity, Servers, Text};

pub(super) type Fields = &'static [(u64, &'static str, Field)];

/// As `generated.proto` has them: `message { number name: type, … }`.
macro_rules! messages {
    ($($message:ident { $($number:literal $field:ident: $kind:expr),* $(,)? })*) => {
        &[$((stringify!($message), &[$(($number, stringify!($field), $kind)),*])),*]
    };
}

pub(super) const MESSAGES: &[(&str, Fields)] = messages! {
    Unknown { 1 typeMeta: Message("TypeMeta"), 2 raw: Base64 }
    TypeMeta { 1 apiVersion: Text, 2 kind: Text }
    ObjectMeta {
        1 name: Text, 2 generateName: Text, 3 namespace: Text, 5 uid: Text, 6 resourceVersion: Text,
        7 generation: Servers, 8 creationTimestamp: Servers, 9 deletionTimestamp: Servers,
        10 deletionGracePeriodSeconds: Servers, 11 labels: MapOf(&Text), 12 annotations: MapOf(&Text),
        13 ownerReferences: Many(&Message("OwnerReference")), 14 finalizers: Many(&Text), 17 managedFields: Servers,
    }
    OwnerReference {
        1 kind: Text, 3 name: Text, 4 uid: Text, 5 apiVersion: Text, 6 controller: Bool, 7 blockOwnerDeletion: Bool,
    }
    Namespace { 1 metadata: Message("ObjectMeta"), 2 spec: Message("NamespaceSpec"), 3 status: Servers }
    NamespaceSpec { 1 finalizers: Many(&Text) }
    Secret {
        1 metadata: Message("ObjectMeta"), 2 data: MapOf(&Base64), 3 type: Text, 4 stringData: MapOf(&Text),
        5 immutable: Bool,
    }
    ConfigMap { 1 metadata: Message("ObjectMeta"), 2 data: MapOf(&Text), 3 binaryData: MapOf(&Base64), 4 immutable: Bool }
    ServiceAccount {
        1 metadata: Message("ObjectMeta"), 2 secrets: Many(&Message("ObjectReference")),
        3 imagePullSecrets: Many(&Message("LocalObjectReference")), 4 automountServiceAccountToken: Bool,
    }
    LocalObjectReference { 1 name: Text }
    ObjectReference {
        1 kind: Text, 2 namespace: Text, 3 name: Text, 4 uid: Text, 5 apiVersion: Text, 6 resourceVersion: Text,
        7 fieldPath: Text,
    }
    Role { 1 metadata: Message("ObjectMeta"), 2 rules: Many(&Message("PolicyRule")) }
    ClusterRole {
        1 metadata: Message("ObjectMeta"), 2 rules: Many(&Message("PolicyRule")),
        3 aggregationRule: Message("AggregationRule"),
    }
    AggregationRule { 1 clusterRoleSelectors: Many(&Message("LabelSelector")) }
    RoleBinding {
        1 metadata: Message("ObjectMeta"), 2 subjects: Many(&Message("Subject")), 3 roleRef: Message("RoleRef"),
    }
    ClusterRoleBinding {
        1 metadata: Message("ObjectMeta"), 2 subjects: Many(&Message("Subject")), 3 roleRef: Message("RoleRef"),
    }
    PolicyRule {
        1 verbs: Many(&Text), 2 apiGroups: Many(&Text), 3 resources: Many(&Text), 4 resourceNames: Many(&Text),
        5 nonResourceURLs: Many(&Text),
    }
    Subject { 1 kind: Text, 2 apiGroup: Text, 3 name: Text, 4 namespace: Text }
    RoleRef { 1 apiGroup: Text, 2 kind: Text, 3 name: Text }
    TokenRequest { 1 metadata: Message("ObjectMeta"), 2 spec: Message("TokenRequestSpec"), 3 status: Servers }
    TokenRequestSpec {
        1 audiences: Many(&Text), 3 boundObjectRef: Message("BoundObjectReference"), 4 expirationSeconds: Number,
    }
    BoundObjectReference { 1 kind: Text, 2 apiVersion: Text, 3 name: Text, 4 uid: Text }
    SelfSubjectReview { 1 metadata: Message("ObjectMeta"), 2 status: Servers }
    SelfSubjectAccessReview { 1 metadata: Message("ObjectMeta"), 2 spec: Message("SubjectAccessReviewSpec"), 3 status: Servers }
    SubjectAccessReview { 1 metadata: Message("ObjectMeta"), 2 spec: Message("SubjectAccessReviewSpec"), 3 status: Servers }
    SubjectAccessReviewSpec {
        1 resourceAttributes: Message("ResourceAttributes"),
        2 nonResourceAttributes: Message("NonResourceAttributes"), 3 user: Text, 4 groups: Many(&Text), 6 uid: Text,
    }
    ResourceAttributes {
        1 namespace: Text, 2 verb: Text, 3 group: Text, 4 version: Text, 5 resource: Text, 6 subresource: Text,
        7 name: Text,
    }
    NonResourceAttributes { 1 path: Text, 2 verb: Text }
    SelfSubjectRulesReview { 1 metadata: Message("ObjectMeta"), 2 spec: Message("SelfSubjectRulesReviewSpec"), 3 status: Servers }
    SelfSubjectRulesReviewSpec { 1 namespace: Text }
    Eviction { 1 metadata: Message("ObjectMeta"), 2 deleteOptions: Message("DeleteOptions") }
    DeleteOptions {
        1 gracePeriodSeconds: Number, 2 preconditions: Message("Preconditions"), 3 orphanDependents: Bool, 4 propagationPolicy: Text, 5 dryRun: Many(&Text),
    }
    Preconditions { 1 uid: Text, 2 resourceVersion: Text }
    LabelSelector { 1 matchLabels: MapOf(&Text), 2 matchExpressions: Many(&Message("LabelSelectorRequirement")) }
    LabelSelectorRequirement { 1 key: Text, 2 operator: Text, 3 values: Many(&Text) }
    Pod { 1 metadata: Message("ObjectMeta"), 2 spec: Message("PodSpec"), 3 status: Servers }
    PodTemplateSpec { 1 metadata: Message("ObjectMeta"), 2 spec: Message("PodSpec") }
    PodSpec {
        1 volumes: Many(&Message("Volume")), 2 containers: Many(&Message("Container")), 3 restartPolicy: Text,
        4 terminationGracePeriodSeconds: Number, 5 activeDeadlineSeconds: Number, 6 dnsPolicy: Text,
        7 nodeSelector: MapOf(&Text), 8 serviceAccountName: Text, 9 serviceAccount: Text, 10 nodeName: Text,
        11 hostNetwork: Bool, 12 hostPID: Bool, 13 hostIPC: Bool, 14 securityContext: Message("PodSecurityContext"),
        15 imagePullSecrets: Many(&Message("LocalObjectReference")), 16 hostname: Text, 17 subdomain: Text,
        19 schedulerName: Text, 20 initContainers: Many(&Message("Container")), 21 automountServiceAccountToken: Bool,
        22 tolerations: Many(&Message("Toleration")), 24 priorityClassName: Text, 25 priority: Number,
        27 shareProcessNamespace: Bool, 29 runtimeClassName: Text, 30 enableServiceLinks: Bool, 31 preemptionPolicy: Text,
        35 setHostnameAsFQDN: Bool,
    }
    PodSecurityContext {
        2 runAsUser: Number, 3 runAsNonRoot: Bool, 4 supplementalGroups: Many(&Number), 5 fsGroup: Number,
        6 runAsGroup: Number, 9 fsGroupChangePolicy: Text, 10 seccompProfile: Message("SeccompProfile"),
    }
    SecurityContext {
        1 capabilities: Message("Capabilities"), 2 privileged: Bool, 4 runAsUser: Number, 5 runAsNonRoot: Bool,
        6 readOnlyRootFilesystem: Bool, 7 allowPrivilegeEscalation: Bool, 8 runAsGroup: Number, 9 procMount: Text,
        11 seccompProfile: Message("SeccompProfile"),
    }
    Capabilities { 1 add: Many(&Text), 2 drop: Many(&Text) }
    SeccompProfile { 1 type: Text, 2 localhostProfile: Text }
    Toleration { 1 key: Text, 2 operator: Text, 3 value: Text, 4 effect: Text, 5 tolerationSeconds: Number }
    Container {
        1 name: Text, 2 image: Text, 3 command: Many(&Text), 4 args: Many(&Text), 5 workingDir: Text,
        6 ports: Many(&Message("ContainerPort")), 7 env: Many(&Message("EnvVar")),
        8 resources: Message("ResourceRequirements"), 9 volumeMounts: Many(&Message("VolumeMount")),
        10 livenessProbe: Message("Probe"), 11 readinessProbe: Message("Probe"), 13 terminationMessagePath: Text,
        14 imagePullPolicy: Text, 15 securityContext: Message("SecurityContext"), 16 stdin: Bool, 17 stdinOnce: Bool,
        18 tty: Bool, 19 envFrom: Many(&Message("EnvFromSource")), 20 terminationMessagePolicy: Text,
        22 startupProbe: Message("Probe"), 24 restartPolicy: Text,
    }
    ContainerPort { 1 name: Text, 2 hostPort: Count, 3 containerPort: Count, 4 protocol: Text, 5 hostIP: Text }
    EnvVar { 1 name: Text, 2 value: Text, 3 valueFrom: Message("EnvVarSource") }
    EnvVarSource {
        1 fieldRef: Message("ObjectFieldSelector"), 2 resourceFieldRef: Message("ResourceFieldSelector"),
        3 configMapKeyRef: Message("KeySelector"), 4 secretKeyRef: Message("KeySelector"),
    }
    ObjectFieldSelector { 1 apiVersion: Text, 2 fieldPath: Text }
    ResourceFieldSelector { 1 containerName: Text, 2 resource: Text, 3 divisor: Quantity }
    KeySelector { 1 name: Inline("LocalObjectReference"), 2 key: Text, 3 optional: Bool }
    EnvFromSource { 1 prefix: Text, 2 configMapRef: Message("EnvSource"), 3 secretRef: Message("EnvSource") }
    EnvSource { 1 name: Inline("LocalObjectReference"), 2 optional: Bool }
    ResourceRequirements { 1 limits: MapOf(&Quantity), 2 requests: MapOf(&Quantity) }
    VolumeMount {
        1 name: Text, 2 readOnly: Bool, 3 mountPath: Text, 4 subPath: Text, 5 mountPropagation: Text, 6 subPathExpr: Text,
        7 recursiveReadOnly: Text,
    }
    Probe {
        1 handler: Inline("ProbeHandler"), 2 initialDelaySeconds: Count, 3 timeoutSeconds: Count, 4 periodSeconds: Count,
        5 successThreshold: Count, 6 failureThreshold: Count, 7 terminationGracePeriodSeconds: Number,
    }
    ProbeHandler { 1 exec: Message("ExecAction"), 2 httpGet: Message("HTTPGetAction"), 3 tcpSocket: Message("TCPSocketAction") }
    ExecAction { 1 command: Many(&Text) }
    HTTPGetAction { 1 path: Text, 2 port: IntOrText, 3 host: Text, 4 scheme: Text, 5 httpHeaders: Many(&Message("HTTPHeader")) }
    HTTPHeader { 1 name: Text, 2 value: Text }
    TCPSocketAction { 1 port: IntOrText, 2 host: Text }
    Volume { 1 name: Text, 2 volumeSource: Inline("VolumeSource") }
    VolumeSource {
        1 hostPath: Message("HostPathVolumeSource"), 2 emptyDir: Message("EmptyDirVolumeSource"),
        6 secret: Message("SecretVolumeSource"), 10 persistentVolumeClaim: Message("PersistentVolumeClaimVolumeSource"),
        19 configMap: Message("ConfigMapVolumeSource"), 26 projected: Message("ProjectedVolumeSource"),
    }
    HostPathVolumeSource { 1 path: Text, 2 type: Text }
    EmptyDirVolumeSource { 1 medium: Text, 2 sizeLimit: Quantity }
    SecretVolumeSource { 1 secretName: Text, 2 items: Many(&Message("KeyToPath")), 3 defaultMode: Number, 4 optional: Bool }
    PersistentVolumeClaimVolumeSource { 1 claimName: Text, 2 readOnly: Bool }
    ConfigMapVolumeSource {
        1 name: Inline("LocalObjectReference"), 2 items: Many(&Message("KeyToPath")), 3 defaultMode: Number, 4 optional: Bool,
    }
    KeyToPath { 1 key: Text, 2 path: Text, 3 mode: Number }
    ProjectedVolumeSource { 1 sources: Many(&Message("VolumeProjection")), 2 defaultMode: Number }
    VolumeProjection {
        1 secret: Message("Projection"), 2 downwardAPI: Message("DownwardAPIProjection"), 3 configMap: Message("Projection"),
        4 serviceAccountToken: Message("ServiceAccountTokenProjection"),
    }
    Projection { 1 name: Inline("LocalObjectReference"), 2 items: Many(&Message("KeyToPath")), 4 optional: Bool }
    DownwardAPIProjection { 1 items: Many(&Message("DownwardAPIVolumeFile")) }
    DownwardAPIVolumeFile {
        1 path: Text, 2 fieldRef: Message("ObjectFieldSelector"), 3 resourceFieldRef: Message("ResourceFieldSelector"),
        4 mode: Number,
    }
    ServiceAccountTokenProjection { 1 audience: Text, 2 expirationSeconds: Number, 3 path: Text }
    Deployment { 1 metadata: Message("ObjectMeta"), 2 spec: Message("DeploymentSpec"), 3 status: Servers }
    DeploymentSpec {
        1 replicas: Number, 2 selector: Message("LabelSelector"), 3 template: Message("PodTemplateSpec"),
        4 strategy: Message("DeploymentStrategy"), 5 minReadySeconds: Count, 6 revisionHistoryLimit: Number, 7 paused: Bool,
        9 progressDeadlineSeconds: Number,
    }
    DeploymentStrategy { 1 type: Text, 2 rollingUpdate: Message("RollingUpdateDeployment") }
    RollingUpdateDeployment { 1 maxUnavailable: IntOrText, 2 maxSurge: IntOrText }
    Job { 1 metadata: Message("ObjectMeta"), 2 spec: Message("JobSpec"), 3 status: Servers }
    JobSpec {
        1 parallelism: Number, 2 completions: Number, 3 activeDeadlineSeconds: Number, 4 selector: Message("LabelSelector"),
        5 manualSelector: Bool, 6 template: Message("PodTemplateSpec"), 7 backoffLimit: Number,
        8 ttlSecondsAfterFinished: Number, 9 completionMode: Text, 10 suspend: Bool, 14 podReplacementPolicy: Text,
    }
    CronJob { 1 metadata: Message("ObjectMeta"), 2 spec: Message("CronJobSpec"), 3 status: Servers }
    CronJobSpec {
        1 schedule: Text, 2 startingDeadlineSeconds: Number, 3 concurrencyPolicy: Text, 4 suspend: Bool,
        5 jobTemplate: Message("JobTemplateSpec"), 6 successfulJobsHistoryLimit: Number, 7 failedJobsHistoryLimit: Number,
        8 timeZone: Text,
    }
    JobTemplateSpec { 1 metadata: Message("ObjectMeta"), 2 spec: Message("JobSpec") }
    Service { 1 metadata: Message("ObjectMeta"), 2 spec: Message("ServiceSpec"), 3 status: Servers }
    ServiceSpec {
        1 ports: Many(&Message("ServicePort")), 2 selector: MapOf(&Text), 3 clusterIP: Text, 4 type: Text,
        5 externalIPs: Many(&Text), 7 sessionAffinity: Text, 8 loadBalancerIP: Text, 10 externalName: Text,
        11 externalTrafficPolicy: Text, 12 healthCheckNodePort: Count, 13 publishNotReadyAddresses: Bool,
        17 ipFamilyPolicy: Text, 18 clusterIPs: Many(&Text), 19 ipFamilies: Many(&Text), 22 internalTrafficPolicy: Text,
    }
    ServicePort { 1 name: Text, 2 protocol: Text, 3 port: Count, 4 targetPort: IntOrText, 5 nodePort: Count, 6 appProtocol: Text }
    Ingress { 1 metadata: Message("ObjectMeta"), 2 spec: Message("IngressSpec"), 3 status: Servers }
    IngressSpec {
        1 defaultBackend: Message("IngressBackend"), 2 tls: Many(&Message("IngressTLS")),
        3 rules: Many(&Message("IngressRule")), 4 ingressClassName: Text,
    }
    IngressBackend { 4 service: Message("IngressServiceBackend") }
    IngressServiceBackend { 1 name: Text, 2 port: Message("ServiceBackendPort") }
    ServiceBackendPort { 1 name: Text, 2 number: Count }
    IngressTLS { 1 hosts: Many(&Text), 2 secretName: Text }
    IngressRule { 1 host: Text, 2 ingressRuleValue: Inline("IngressRuleValue") }
    IngressRuleValue { 1 http: Message("HTTPIngressRuleValue") }
    HTTPIngressRuleValue { 1 paths: Many(&Message("HTTPIngressPath")) }
    HTTPIngressPath { 1 path: Text, 2 backend: Message("IngressBackend"), 3 pathType: Text }
    ResourceQuota { 1 metadata: Message("ObjectMeta"), 2 spec: Message("ResourceQuotaSpec"), 3 status: Servers }
    ResourceQuotaSpec { 1 hard: MapOf(&Quantity), 2 scopes: Many(&Text) }
    PodDisruptionBudget { 1 metadata: Message("ObjectMeta"), 2 spec: Message("PodDisruptionBudgetSpec"), 3 status: Servers }
    PodDisruptionBudgetSpec {
        1 minAvailable: IntOrText, 2 selector: Message("LabelSelector"), 3 maxUnavailable: IntOrText,
        4 unhealthyPodEvictionPolicy: Text,
    }
    PriorityClass {
        1 metadata: Message("ObjectMeta"), 2 value: Count, 3 globalDefault: Bool, 4 description: Text, 5 preemptionPolicy: Text,
    }
    HorizontalPodAutoscaler { 1 metadata: Message("ObjectMeta"), 2 spec: Message("HorizontalPodAutoscalerSpec"), 3 status: Servers }
    HorizontalPodAutoscalerSpec {
        1 scaleTargetRef: Message("CrossVersionObjectReference"), 2 minReplicas: Number, 3 maxReplicas: Count,
        4 metrics: Many(&Message("MetricSpec")),
    }
    CrossVersionObjectReference { 1 kind: Text, 2 name: Text, 3 apiVersion: Text }
    MetricSpec { 1 type: Text, 4 resource: Message("ResourceMetricSource") }
    ResourceMetricSource { 1 name: Text, 2 target: Message("MetricTarget") }
    MetricTarget { 1 type: Text, 2 value: Quantity, 3 averageValue: Quantity, 4 averageUtilization: Number }
    TokenReview { 1 metadata: Message("ObjectMeta"), 2 spec: Message("TokenReviewSpec"), 3 status: Servers }
    TokenReviewSpec { 1 token: Text, 2 audiences: Many(&Text) }
};
