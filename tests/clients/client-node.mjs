// @kubernetes/client-node: a pod with a pull secret; a watch, a log, a command, a forwarded port.
import assert from 'node:assert';
import http from 'node:http';
import net from 'node:net';
import { PassThrough } from 'node:stream';
import * as k8s from '@kubernetes/client-node';

const space = 'client-node';
const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const { REGISTRY_USER, REGISTRY_PASSWORD, IMAGE } = process.env;

await core.createNamespace({ body: { metadata: { name: space } } });
const auth = Buffer.from(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`).toString('base64');
await core.createNamespacedSecret({ namespace: space, body: {
    metadata: { name: 'regcred' }, type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify({ auths: { 'https://index.docker.io/v1/': { auth } } }) },
} });

const ready = new Promise((resolve, reject) => {
    const seen = (_, pod) => pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') && resolve(pod);
    new k8s.Watch(config).watch(`/api/v1/namespaces/${space}/pods`, {}, seen, reject);
});
await core.createNamespacedPod({ namespace: space, body: {
    metadata: { name: 'app1' },
    spec: { terminationGracePeriodSeconds: 0, imagePullSecrets: [{ name: 'regcred' }], containers: [{ name: 'app1', image: IMAGE }] },
} });
assert.ok((await ready).status.containerStatuses[0].imageID);
// It runs before it listens.
const log = new PassThrough();
const following = await new k8s.Log(config).log(space, 'app1', 'app1', log, { follow: true });
await new Promise((resolve) => log.on('data', (data) => /Running on/.test(data) && resolve()));
following.abort();

const output = new PassThrough();
let printed = '';
output.on('data', (data) => { printed += data; });
const status = await new Promise((resolve, reject) => {
    new k8s.Exec(config).exec(space, 'app1', 'app1', ['echo', 'from node'], output, null, null, false, resolve).catch(reject);
});
assert.deepStrictEqual([status.status, printed], ['Success', 'from node\n']);

const forward = new k8s.PortForward(config);
const server = net.createServer((socket) => forward.portForward(space, 'app1', [5000], socket, null, socket));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const page = await new Promise((resolve, reject) => {
    http.get({ port: server.address().port, host: '127.0.0.1', agent: false }, (answer) => {
        let text = '';
        answer.on('data', (data) => { text += data; }).on('end', () => resolve(text));
    }).on('error', reject);
});
assert.strictEqual(page, 'Hello, Docker!');

await assert.rejects(core.readNamespacedPod({ name: 'none', namespace: space }), (error) => error.code === 404);
await core.deleteNamespace({ name: space });
console.log('ok');
process.exit(0);
