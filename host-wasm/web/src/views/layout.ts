// Where the nodes of a graph lie: they push each other away, edges pull theirs together, and the middle draws all.
//
// The forces are those of d3-force. It finds in a tree who is near; here every pair is looked at, which for the few
// hundred nodes that a picture can hold takes a millisecond or two, and a tenth of the code.

/** A node, and how it acts on others. */
export interface Body {
  x: number;
  y: number;
  vx: number;
  vy: number;
  /** How far away it keeps others at least. */
  room: number;
  /** How hard it pushes others away, which falls with their distance. */
  push: number;
  /** How hard the middle draws it. */
  hold: number;
  /** Its edges. */
  degree: number;
  /** Where somebody holds it. */
  pinned: { x: number; y: number } | undefined;
}

/** An edge as long as it would like to be. */
export interface Spring {
  source: Body;
  target: Body;
  length: number;
  strength: number;
}

/** Heat that a step loses, below which nothing moves any more, and the share of their speed that nodes keep. */
const [COOLING, COLD, KEPT] = [0.03, 0.001, 0.6];
/** What parts two nodes that lie on each other. */
const HAIR = 1e-6;

/** Nodes begin in a spiral, hot, and cool down to rest. */
export class Layout<B extends Body> {
  /** How far a push reaches, and how strong the middle is. */
  forces = { reach: Infinity, x: 0, y: 0 };
  private bodies: B[] = [];
  private springs: Spring[] = [];
  private heat = 1;
  private least = 0;
  private frame = 0;

  constructor(private readonly moved: () => void) {}

  /** Goes on with these; those without a place get one. */
  set(bodies: B[], springs: Spring[]): void {
    [this.bodies, this.springs] = [bodies, springs];
    bodies.forEach((body, i) => {
      if (!Number.isNaN(body.x)) return;
      const [distance, angle] = [10 * Math.sqrt(0.5 + i), i * Math.PI * (3 - Math.sqrt(5))];
      [body.x, body.y] = [distance * Math.cos(angle), distance * Math.sin(angle)];
    });
  }

  /** Makes it this hot, unless it is hotter. */
  warm(heat: number): void {
    this.heat = Math.max(this.heat, heat);
  }

  /** Lets it cool no further than this. */
  keepWarm(least: number): void {
    this.least = least;
  }

  /** A step a frame, until it is at rest. */
  run(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.step();
      this.moved();
      if (this.heat >= COLD) this.run();
    });
  }

  /** To its rest at once, unless it is kept from that. */
  settle(): void {
    if (this.least > 0) return this.run();
    this.stop();
    while (this.heat >= COLD) this.step();
    this.moved();
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  private step(): void {
    this.heat += (this.least - this.heat) * COOLING;
    this.pairs(part);
    for (const spring of this.springs) stretch(spring, this.heat);
    const { reach, x, y } = this.forces;
    this.pairs((a, b) => repel(a, b, reach * reach, this.heat));
    for (const body of this.bodies) {
      body.vx = (body.vx - body.x * body.hold * x * this.heat) * KEPT;
      body.vy = (body.vy - body.y * body.hold * y * this.heat) * KEPT;
      if (body.pinned) [body.x, body.y, body.vx, body.vy] = [body.pinned.x, body.pinned.y, 0, 0];
      body.x += body.vx;
      body.y += body.vy;
    }
  }

  private pairs(meet: (a: B, b: B) => void): void {
    const { bodies } = this;
    for (let i = 1; i < bodies.length; i++) for (let j = 0; j < i; j++) meet(bodies[i] as B, bodies[j] as B);
  }
}

/** Two that would overlap give way, the smaller one more. */
function part(a: Body, b: Body): void {
  const x = a.x + a.vx - b.x - b.vx || HAIR;
  const y = a.y + a.vy - b.y - b.vy || HAIR;
  const wanted = a.room + b.room;
  const square = x * x + y * y;
  if (square >= wanted * wanted) return;
  const by = wanted / Math.sqrt(square) - 1;
  const share = (b.room * b.room) / (a.room * a.room + b.room * b.room);
  a.vx += x * by * share;
  a.vy += y * by * share;
  b.vx -= x * by * (1 - share);
  b.vy -= y * by * (1 - share);
}

/** Towards its length; the end with fewer edges moves more. */
function stretch({ source, target, length, strength }: Spring, heat: number): void {
  const x = target.x + target.vx - source.x - source.vx || HAIR;
  const y = target.y + target.vy - source.y - source.vy || HAIR;
  const by = (1 - length / Math.hypot(x, y)) * heat * strength;
  const share = source.degree / (source.degree + target.degree);
  target.vx -= x * by * share;
  target.vy -= y * by * share;
  source.vx += x * by * (1 - share);
  source.vy += y * by * (1 - share);
}

function repel(a: Body, b: Body, reach: number, heat: number): void {
  const x = a.x - b.x || HAIR;
  const y = a.y - b.y || HAIR;
  const square = x * x + y * y;
  if (square >= reach) return;
  // Those that nearly touch aren't flung apart.
  const by = heat / (square < 1 ? Math.sqrt(square) : square);
  a.vx += x * by * b.push;
  a.vy += y * by * b.push;
  b.vx -= x * by * a.push;
  b.vy -= y * by * a.push;
}
