// A program that uses the module; it is compiled against the declarations, not run.
import init, { Events, Fanout, Gauge, Graph, Histogram, Kind, Lines, Moments, Multipart, Queue, Source } from "streamgauge";

await init();

const moments = new Moments();
moments.push(1);
moments.extend(new Float64Array([2, 3]));
moments.merge(new Moments());
const mean: number | undefined = moments.mean;
// @ts-expect-error: there may be no variance.
const variance: number = moments.sampleVariance;
// @ts-expect-error: numbers only.
moments.push("1");

const bytes: Uint8Array = new TextEncoder().encode("H3110");
const queue = new Queue(1024, 3);
queue.put(bytes);
const item: Uint8Array | undefined = queue.get();

const graph = new Graph(100, true);
graph.add("a", "b");
for (const { from, to, weight } of graph.top(10)) console.log(from.length, to.length, weight + 1);

const gauge = new Gauge('{"measure":"rate","every":"10s"}', "requests");
for (const { line, to } of gauge.close(Date.now())) console.log(line.length, to?.length);
gauge.take("a string", Date.now());
gauge.take(bytes, Date.now());
gauge.merge(gauge.toBinary(Date.now()), Date.now());
const reading: string = gauge.read("json", Date.now());
const over: number | undefined = gauge.nextOver;
// @ts-expect-error: there is no such format.
gauge.read("xml", 0);
// @ts-expect-error: a message is bytes or a string.
gauge.take(1, 0);

const source = new Source(Kind.Normal, 0, 1, 42);
const numbers: Float64Array = source.take(10);
for (const { id, event, data } of new Events(1000).decode(bytes)) console.log(id, event, data);
for (const line of new Lines(1000).decode(bytes)) console.log(line.length);
for (const part of new Multipart(1000).decode(bytes)) console.log(part.length);
console.log(reading, over, mean, variance, item, numbers, Histogram, Fanout);
