"""Model of the fenced-lane protocol against a real redis-server: several states a record, several source partitions a lane, merged
topics, tables, dimension rows, a standing WATCH with cached rows, under a seeded schedule of faults. README.md has the results.

    python3 lane_protocol.py                      # every scenario, the table of README.md
    python3 lane_protocol.py --quick              # a short dose of each, under 30 s
    python3 lane_protocol.py --scenario NAME [--rounds N] [--seed N --verbose]
    python3 lane_protocol.py --list
"""
import argparse, ast, collections, glob, hashlib, json, os, random, shutil, signal, socket, subprocess, sys, tempfile, time

BATCH = 5


# ---------------------------------------------------------------- Redis
class Lost(Exception):
    """The lane may not go on with what it knows: it drops its rows and claims again."""


class Conn:
    def __init__(self, server):
        self.server = server
        self.open()

    def open(self):
        self.sock = socket.create_connection(('127.0.0.1', self.server.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile('rb', 1 << 18)

    def close(self):
        try:
            self.file.close()
            self.sock.close()
        except OSError:
            pass

    def send(self, *commands):
        out = []
        for command in commands:
            out.append(b'*%d\r\n' % len(command))
            for a in command:
                a = a if isinstance(a, bytes) else str(a).encode()
                out.append(b'$%d\r\n%s\r\n' % (len(a), a))
        self.sock.sendall(b''.join(out))

    def read(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        kind, rest = line[:1], line[1:-2]
        if kind == b'+':
            return rest.decode()
        if kind == b'-':
            raise RuntimeError(rest.decode())
        if kind == b':':
            return int(rest)
        n = int(rest)
        if n < 0:
            return None
        if kind == b'$':
            return self.file.read(n + 2)[:-2].decode()
        return [self.read() for _ in range(n)]

    def pipe(self, *commands):
        try:
            self.send(*commands)
            return [self.read() for _ in commands]
        except (EOFError, OSError, ValueError):
            raise Lost('connection')

    def cmd(self, *command):
        return self.pipe(command)[0]


class Server:
    def __init__(self, port):
        self.port, self.dir, self.process = port, tempfile.mkdtemp(prefix='nsf-model-'), None
        self.boot(True)

    def boot(self, fresh):
        if fresh:
            shutil.rmtree(self.dir, ignore_errors=True)
            os.makedirs(self.dir)
        self.process = subprocess.Popen(
            [shutil.which('redis-server') or sys.exit('redis-server is not on the PATH'), '--port', str(self.port), '--bind', '127.0.0.1', '--dir', self.dir, '--save', '', '--appendonly',
             'yes', '--appendfsync', 'no', '--auto-aof-rewrite-percentage', '0', '--logfile', self.dir + '/log'])
        for _ in range(1000):
            if self.process.poll() is not None:
                sys.exit('redis-server ended; is port %d in use? (--port)' % self.port)
            try:
                probe = Conn(self)
                if probe.cmd('PING') == 'PONG':
                    self.control = probe
                    self.marks = [self.size()]
                    return
            except (OSError, Lost, RuntimeError):
                pass
            time.sleep(0.005)
        sys.exit('redis-server did not start on port %d' % self.port)

    def aof(self):
        return sorted(glob.glob(self.dir + '/appendonlydir/*.incr.aof'))[-1]

    def size(self):
        return os.path.getsize(self.aof())

    def stop(self):
        self.control.close()
        self.process.kill()
        self.process.wait()

    def lose_tail(self, size):
        self.stop()
        with open(self.aof(), 'r+b') as f:
            f.truncate(size)
        self.boot(False)

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


# ---------------------------------------------------------------- configuration
BASE = dict(
    topics=('A',), parts=2, lanes=2, records=22, users=8, several=True,
    tables=False, others=False, dims=False, mark='transitive',
    kill=True, zombie=True, tail=True, cut=True, move=True,      # faults
    layout='pp',          # pp: progress key per (lane, partition); pg: one per (lane, partition number) for all merged topics
    hold=False,           # a partition number is worked on only by a worker that has it of every merged topic
    split=False,          # the group likes to give A-i and B-i to different workers, and leaves it so
    watch_states=False, standing=False, cache=False, keep_cache=False, verify_rewatch=True,
    hm='last',            # which HMGET of the load is done and compared: both, first, last, none
    compare='oe',         # what of it is compared
    fence=True, save_first=False, kafka_start=False, reconnect_silently=False,
    epoch='clock',        # int: HINCRBY; clock: max(e+1, now), by compare-and-set
    resolve='claim',      # after a lost reply: claim again, or read the progress and go on (delivery.md)
    rows='cas_row',       # how a dimension row is written, see row_apply
    rows_when='before_save',
    stamp='off_epoch',    # order of a derived field: off, off_epoch, count_epoch, epoch_seq
    correct=False,        # a change in doubt that changes nothing sends the field's value as it stands
    newest=False,         # check: per field, the message with the greatest stamp has the final value
    dims_server=0, tail_server=0)
KAFKA_COLOCATE = dict(topics=('A', 'B'), records=12)

Rec = collections.namedtuple('Rec', 'part off user lane reads writes table other dims rid')


def sha(*parts):
    return hashlib.sha1('|'.join(map(str, parts)).encode()).hexdigest()[:12]


def topic(part):
    return part[0]


def number(part):
    return part[1:]


class World:
    def __init__(self, name, cfg, seed, servers, run, verbose):
        self.name, self.c, self.rng, self.servers, self.run, self.verbose = name, argparse.Namespace(**cfg), random.Random(seed), servers, run, verbose
        self.stats = collections.Counter()
        self.emitted, self.msgs, self.late = [], [], []
        self.workers, self.assign, self.kafka = {}, {}, collections.Counter()
        self.table = collections.Counter()
        self.steps, self.event, self.next_worker = 0, 0, 0
        self.make_records()

    def say(self, *a):
        if self.verbose:
            print('%5d' % self.steps, *a, flush=True)

    # keys
    def lane_of(self, user):
        return user // self.c.parts % self.c.lanes

    def state(self, user, letter):
        return 'r%d:{l%d}:s:%d:%s' % (self.run, self.lane_of(user), user, letter)

    def progress(self, lane, unit):
        return 'r%d:{l%s}:p:%s' % (self.run, lane, unit)

    def row(self, r):
        return 'r%d:d:%s' % (self.run, r)

    def make_records(self):
        c, rng = self.c, self.rng
        self.recs = {}
        for t in c.topics:
            for i in range(c.parts):
                part, recs = t + str(i), []
                for off in range(c.records):
                    user = rng.randrange(c.users // c.parts) * c.parts + i
                    letters = rng.sample('abc', rng.choice((2, 2, 3))) if c.several else ['a']
                    expands = c.dims and rng.random() < .6
                    if expands and c.stamp == 'count_epoch':
                        letters.append('n')                    # counts the expands of the row
                    reads = tuple(sorted(self.state(user, x) for x in letters))
                    writes = reads if len(reads) < 3 or 'n' in letters or rng.random() < .5 else tuple(sorted(rng.sample(reads, 2)))
                    table = c.tables and user % 4 == 1
                    other = self.state((user + c.parts) % c.users, 'a') if c.others and user % 4 == 2 and rng.random() < .6 else None
                    dims = ((user, 'f', None, None),) if expands else ()
                    recs.append(Rec(part, off, user, self.lane_of(user), reads, writes, table, other, dims, '%s.%d' % (part, off)))
                self.recs[part] = recs
        if c.dims:
            for i in range(2):                                # two ingests that write the same rows, both fields of them
                part, recs = 'I%d' % i, []
                for off in range(c.records):
                    user, field = rng.randrange(c.users // 2), rng.choice('iig')
                    recs.append(Rec(part, off, user, 'I', (), (), False, None,
                                    ((user, field, rng.randrange(3), [rng.randrange(off, off + 6), part, off]),), '%s.%d' % (part, off)))
                self.recs[part] = recs

    def emit(self, rid, epoch, body):
        self.emitted.append((rid, epoch, body))

    # ------------------------------------------------------------ group
    def units(self, w, lane):
        """What a lane of this worker may work on: unit -> its partitions."""
        mine = [p for p in sorted(w.parts) if (topic(p) == 'I') == (lane == 'I')]
        if self.c.hold and lane != 'I':
            mine = [p for p in mine if all(t + number(p) in w.parts for t in self.c.topics)]
        units = {}
        for p in mine:
            units.setdefault('G' + number(p) if self.c.layout == 'pg' and lane != 'I' else p, []).append(p)
        return units

    def start_worker(self, parts):
        w = argparse.Namespace(id=self.next_worker, parts=set(parts), paused=0, tasks=[])
        self.next_worker += 1
        self.workers[w.id] = w
        for p in parts:
            self.assign[p] = w.id
        for lane in [*range(self.c.lanes), *(['I'] if self.c.dims else [])]:
            t = argparse.Namespace(worker=w, lane=lane, cut=False, idle_at=-1, conns=[])
            t.gen = lane_task(self, t)
            w.tasks.append(t)
        return w

    def stop_worker(self, w):
        del self.workers[w.id]
        for t in w.tasks:
            t.gen.close()
            for x in t.conns:
                x.close()

    def view(self, w):
        w.parts = {p for p, i in self.assign.items() if i == w.id}

    def move(self, p, to):
        self.assign[p] = to

    # ------------------------------------------------------------ schedule
    def run_round(self):
        c, rng = self.c, self.rng
        names = sorted(self.recs)
        if c.split:
            for t in c.topics:
                self.start_worker([p for p in names if topic(p) == t])
        else:
            self.start_worker(names)
        budget = 8
        for s in self.servers:
            s.marks = [s.size()]
        while True:
            self.steps += 1
            if self.steps > 30000:
                return 'livelock'
            if self.steps % 20 == 0:
                for s in self.servers:
                    s.marks.append(s.size())
            if c.tables and rng.random() < .06:
                self.table[rng.choice([u for u in range(c.users) if u % 4 == 1])] += 1
            if self.late and rng.random() < .08:
                self.arrive(self.late.pop(0))
            live = [w for w in self.workers.values() if not w.paused]
            if live and rng.random() < .08:
                self.view(rng.choice(live))
            if budget and rng.random() < .02:
                budget -= self.fault(names, live)
            if self.steps > 6000 and budget:
                budget = 0
            if not budget:
                for w in self.workers.values():
                    w.paused = min(w.paused, 60)
                if c.hold:
                    for p in names:
                        self.move(p, self.assign[c.topics[0] + number(p)] if topic(p) in c.topics else self.assign[p])
            tasks = [t for w in self.workers.values() for t in w.tasks]
            if not budget and not self.late and self.done(tasks):
                break
            t = rng.choice(tasks)
            if t.worker.paused:
                t.worker.paused -= 1
                continue
            next(t.gen)
        for w in list(self.workers.values()):
            self.stop_worker(w)
        w = self.start_worker(names)                           # the restart that every redeploy does
        for _ in range(3000):
            if self.done(w.tasks):
                break
            next(rng.choice(w.tasks).gen)
            self.steps += 1
        else:
            return 'livelock'
        self.stop_worker(w)
        return None

    def done(self, tasks):
        return all(t.idle_at == self.event and not t.worker.paused for t in tasks) and all(
            p in self.workers[i].parts for p, i in self.assign.items() if i in self.workers) and set(self.assign.values()) <= set(self.workers)

    def arrive(self, late):
        conn, commands = late
        try:
            self.stats['late EXEC ' + ('refused' if conn.pipe(*commands)[-1] is None else 'applied')] += 1
            self.event += 1
        except Lost:
            pass
        conn.close()

    def fault(self, names, live):
        c, rng = self.c, self.rng
        kind = rng.choice([k for k in ('kill', 'zombie', 'move', 'move', 'tail', 'cut') if getattr(c, k)])
        if not live:
            return 0
        w = rng.choice(live)
        if kind == 'kill':
            self.stop_worker(w)
            parts = [p for p in names if self.assign[p] == w.id]
            rest = [x.id for x in self.workers.values() if not x.paused]
            if rest and rng.random() < .5:
                heir = rng.choice(rest)
                for p in parts:
                    self.move(p, heir)
            else:
                self.start_worker(parts)
        elif kind == 'zombie':
            if len(self.workers) > 2:
                return 0
            w.paused = rng.randrange(10, 90)
            parts = [p for p in names if self.assign[p] == w.id]
            rest = [x.id for x in live if x is not w]
            if rest and rng.random() < .5:
                for p in parts:
                    self.move(p, rest[0])
            else:
                self.start_worker(parts)
        elif kind == 'move':
            p = rng.choice(names)
            others = [x.id for x in live if x.id != self.assign[p]]
            if not others:
                others = [self.start_worker([]).id]
            group = [p] if rng.random() < .6 or len(c.topics) == 1 or topic(p) == 'I' else [t + number(p) for t in c.topics]
            to = rng.choice(others)
            for p in group:
                self.move(p, to)
        elif kind == 'tail':
            s = self.servers[c.tail_server]
            s.lose_tail(rng.choice(s.marks[-4:]))
        elif kind == 'cut':
            rng.choice(w.tasks).cut = True
        self.stats[kind] += 1
        self.event += 1
        self.say('FAULT', kind, 'worker', w.id, 'now', self.assign)
        return 1


# ---------------------------------------------------------------- one lane of one worker
def fold(rec, rows, seen):
    base = '|'.join(rows[k][0] for k in rec.reads)
    only_read = {k: len(rows[k][1]) for k in rec.reads if k not in rec.writes}
    for k in rec.writes:
        rows[k] = (sha(base, rec.rid, k.split(':', 1)[1], seen), rows[k][1] + [[rec.rid, seen, only_read]])
    return sha(base, rec.rid, seen)


def derived(rec, rows):
    return int(rows[rec.writes[0]][0], 16) % 4


def interleave(rng, lists):
    lists = [list(x) for x in lists if x]
    while lists:
        x = rng.choice(lists)
        yield x.pop(0)
        lists = [y for y in lists if y]


def lane_task(W, t):
    c, rng, w, lane = W.c, W.rng, t.worker, t.lane
    fenced = c.fence
    conn = dconn = None
    own, cache, standing, seq = {}, {}, False, 0

    def connect(server):
        x = Conn(W.servers[server])
        t.conns.append(x)
        return x

    def call(*command):                                        # on the lane's own connection
        nonlocal conn
        if t.cut:
            t.cut = False
            conn.close()
            if not c.reconnect_silently:
                raise Lost('cut')
            conn = connect(0)
        try:
            return conn.cmd(*command)
        except Lost:
            if not c.reconnect_silently:
                raise
            conn = connect(0)
            return conn.cmd(*command)

    def watch():
        call('WATCH', *[W.progress(lane, u) for u in sorted(own)])

    def check():
        for u in sorted(own):
            got = call('HMGET', W.progress(lane, u), 'e', *['o:' + p for p in own[u].parts])
            want = [str(own[u].e), *[str(own[u].o[p]) for p in own[u].parts]]
            got = [got[0], *[x or '-1' for x in got[1:]]]
            if 'e' not in c.compare:
                got, want = got[1:], want[1:]
            if got != want:
                raise Lost('check')

    while True:
        try:
            if conn is None:
                conn = connect(0)
                own, cache, standing = {}, {}, False
            # ---- assignment, claim
            have = W.units(w, lane)
            gone = [u for u in own if have.get(u) != own[u].parts]
            if gone:
                for u in gone:
                    del own[u]
                if not c.keep_cache:
                    cache = {}
                if standing:
                    call('UNWATCH')
                    standing = False
            for u in have:
                if u in own:
                    continue
                key = W.progress(lane, u)
                fields = ['o:' + p for p in have[u]]
                standing = False
                if c.epoch == 'int':
                    e = call('HINCRBY', key, 'e', 1)
                    yield
                else:
                    call('WATCH', key)
                    yield
                    e = max(int(call('HGET', key, 'e') or 0) + 1, W.steps)
                    yield
                    if conn.pipe(['MULTI'], ['HSET', key, 'e', e], ['EXEC'])[-1] is None:
                        raise Lost('claim')
                    yield
                got = call('HMGET', key, 'e', *fields)
                yield
                if int(got[0] or -1) != e:
                    raise Lost('claim')
                o = {p: int(x or -1) for p, x in zip(have[u], got[1:])}
                if c.kafka_start:
                    for p in o:
                        if W.kafka[p] - 1 > o[p]:
                            o[p] = W.kafka[p] - 1
                            call('HSET', key, 'o:' + p, o[p])
                # what an earlier owner may have sent: one batch beyond what is saved, or, after a loss, beyond what Kafka was told
                doubt = {p: max(o[p], W.kafka[p] - 1) + BATCH for p in o}
                own[u] = argparse.Namespace(e=e, o=o, parts=have[u], doubt=doubt)
                W.say('worker', w.id, 'lane', lane, 'claims', u, 'e', e, 'o', o)
            # ---- take a batch
            ends, lists, unit = {}, [], {}
            for u in sorted(own):
                for p in own[u].parts:
                    unit[p] = u
                    o = own[u].o[p]
                    end = min(len(W.recs[p]) - 1, o + rng.randrange(1, BATCH + 1))
                    if end > o:
                        ends[p] = end
                        lists.append([r for r in W.recs[p][o + 1:end + 1] if r.lane == lane])
            if not ends:
                now = W.event
                if have:
                    check()
                else:
                    call('PING')
                t.idle_at = now
                yield
                continue
            t.idle_at = -1
            batch = list(interleave(rng, lists))
            # ---- load
            keys = list(dict.fromkeys(k for r in batch for k in r.reads))
            need = [k for k in keys if k not in cache]
            fresh = not standing
            if fresh and fenced:
                watch()
                if c.watch_states and keys:
                    call('WATCH', *keys)
                yield
            if c.hm in ('both', 'first') and fenced:
                check()
                yield
            rows = {k: cache[k] for k in keys if k in cache}
            if need:
                for k, v in zip(need, call('MGET', *need)):
                    v = json.loads(v) if v else ('', [])
                    rows[k] = (v[0], v[1])
                yield
            if c.hm in ('both', 'last') and fenced and (need or fresh):
                check()
                yield
            seen = {}
            for r in batch:
                if r.table:
                    seen[r.rid] = 't%d' % W.table[r.user]
                elif r.other:
                    v = call('GET', r.other)
                    seen[r.rid] = 'o' + (json.loads(v)[0] if v else '')
                else:
                    seen[r.rid] = ''
            yield
            # ---- calculate
            outs, changes, order = [], {}, 0
            for r in batch:
                body = fold(r, rows, seen[r.rid]) if r.reads else ''
                e = own[unit[r.part]].e
                if r.reads:
                    outs += [(r.rid + '#0', e, body), (r.rid + '#1', e, 'plain')]
                seq += 1
                for (row, field, value, stamp) in r.dims:
                    if stamp is None:
                        value = derived(r, rows)
                        stamp = {'off': [r.off], 'off_epoch': [r.off, e], 'epoch_seq': [e, seq]}.get(c.stamp)
                        if stamp is None:
                            stamp = [len(rows[W.state(r.user, 'n')][1]), e]
                    changes.setdefault(row, []).append((r.rid, field, value, stamp, r.off <= own[unit[r.part]].doubt[r.part]))
            yield

            def revoked():
                return any(p not in w.parts for p in ends) and rng.random() < .5

            def emit_all():
                for out in outs:
                    W.emit(*out)
                    if rng.random() < .15:
                        yield
                yield

            def write_rows():
                nonlocal dconn
                for row in sorted(changes):
                    if dconn is None:
                        dconn = connect(c.dims_server)
                    yield from row_apply(W, dconn, row, changes[row])

            if revoked():
                raise Lost('revoked')
            # ---- emit, dimension rows, save
            if not c.save_first:
                yield from emit_all()
            if c.rows_when == 'before_save':
                yield from write_rows()
            if revoked():
                raise Lost('revoked')
            commands = []
            written = list(dict.fromkeys(k for r in batch for k in r.writes))
            if written:
                commands.append(['MSET', *[x for k in written for x in (k, json.dumps(rows[k]))]])
            for u in sorted(own):
                fields = [x for p in own[u].parts if p in ends for x in ('o:' + p, ends[p])]
                if fields:
                    commands.append(['HSET', W.progress(lane, u), *fields, 'e', own[u].e])
            if not fenced:
                for command in commands:
                    call(*command)
                    yield
            else:
                commands = [['MULTI'], *commands, ['EXEC']]
                luck = rng.random() if c.cut and not c.reconnect_silently else 1
                if luck < .02:                                 # the request is on its way, the connection is gone here
                    W.late.append((conn, commands))
                    t.conns.remove(conn)
                    conn = None
                    reason = 'late'
                else:
                    call('PING') if t.cut else None            # a cut found at the commit
                    try:
                        result = conn.pipe(*commands)[-1]
                    except Lost:
                        if not c.reconnect_silently:
                            raise
                        conn = connect(0)
                        result = conn.pipe(*commands)[-1]
                    W.event += 1
                    reason = None
                    if luck < .04:                             # done or refused, but the reply is lost
                        conn.close()
                        conn = None
                        reason = 'reply'
                    elif result is None:
                        raise Lost('EXEC nil')
                if reason:
                    W.stats['lost ' + reason] += 1
                    if c.resolve == 'claim':
                        raise Lost(reason)
                    yield
                    conn = connect(0)                          # delivery.md: read the progress; applied or redo, no claim
                    standing = False
                    applied = True
                    for u in sorted(own):
                        got = call('HMGET', W.progress(lane, u), 'e', *['o:' + p for p in own[u].parts])
                        applied = applied and [got[0], *[int(x or -1) for x in got[1:]]] == [
                            str(own[u].e), *[ends.get(p, own[u].o[p]) for p in own[u].parts]]
                    yield
                    if not applied:
                        cache = {}
                        continue
            for p in ends:
                own[unit[p]].o[p] = ends[p]
                W.kafka[p] = max(W.kafka[p], ends[p] + 1)
            if W.verbose:
                W.say('worker', w.id, 'lane', lane, 'saved', [r.rid for r in batch], ends)
            standing = False
            if c.cache:
                cache.update((k, rows[k]) for k in written)
                cache.update((k, rows[k]) for k in keys)
            if c.standing and fenced:
                yield
                watch()
                yield
                if c.verify_rewatch:
                    check()
                standing = True
            yield
            if c.save_first:
                yield from emit_all()
            if c.rows_when == 'after_save':
                yield from write_rows()
        except Lost as why:
            W.stats['found: ' + str(why)] += 1
            W.say('worker', w.id, 'lane', lane, 'lost:', why)
            for x in t.conns:
                x.close()
            t.conns.clear()
            conn = dconn = None
            own, cache, standing = {}, {}, False
            for _ in range(rng.randrange(2, 20)):
                yield
            W.view(w)


# ---------------------------------------------------------------- dimension rows
def merge(row, changes, correct, again):
    """Apply changes by stamp; returns the row, what changed, and the subscriptions' messages (see due)."""
    fields, history = dict(row['F']), list(row['H'])
    messages = []
    for rid, field, value, stamp, doubt in changes:
        old, at = fields.get(field, (None, None))
        doubt = correct and (doubt or again)
        if at is not None and at >= stamp:
            if doubt:
                messages.append((rid, field, str(old), str(old), str(at), str(fields.get('g', (0, None))[0])))
            continue
        fields[field] = (value, stamp)
        g = fields.get('g', (0, None))[0]
        entry = [rid, field, old, value, stamp, g]
        history.append(entry)
        if due(entry) or doubt:
            messages.append(tuple(map(str, entry)))
    return {'F': fields, 'H': history}, messages


def due(entry):
    """Subscriptions: every change of f and of g; a change of i while g is even, its message carries g."""
    rid, field, old, new, stamp, g = entry
    return old != new and (field != 'i' or g % 2 == 0)


def row_apply(W, conn, name, changes):
    """rows = cas_row: WATCH, read, emit, EXEC; nil: all over again, messages too.
    cas_read: as cas_row, but the messages are computed again only if the stamp of a field read for them has changed.
    cas_written: the same, looking only at the fields that are written.
    no_cas: the messages are computed once; the write is by stamp and atomic, but does not look back at what was read.
    write_first: the row is written, then the messages are emitted."""
    mode, key = W.c.rows, W.row(name)

    def load():
        conn.cmd('WATCH', key)
        yield
        v = conn.cmd('GET', key)
        yield
        return json.loads(v) if v else {'F': {}, 'H': []}

    def publish(messages):
        for m in messages:
            W.msgs.append(m)
            if W.rng.random() < .1:
                yield
        yield

    written = {ch[1] for ch in changes}
    look = {'cas_read': written | {'g'}, 'cas_written': written, 'no_cas': set()}.get(mode)
    read_at, tries = None, 0
    while True:
        row = yield from load()
        new, messages = merge(row, changes, W.c.correct, tries > 0)
        tries += 1
        stamps = {f: row['F'].get(f) for f in look} if look is not None else object()
        again = stamps != read_at
        read_at = stamps
        if mode != 'write_first' and again:
            yield from publish(messages)
        if conn.pipe(['MULTI'], ['SET', key, json.dumps(new)], ['EXEC'])[-1] is not None:
            W.event += 1
            break
        W.stats['row conflicts'] += 1
        yield
    yield
    if mode == 'write_first':
        yield from publish(messages)


# ---------------------------------------------------------------- what must hold
def check_round(W):
    """Problems of the round: a Counter by kind."""
    c, bad = W.c, collections.Counter()
    s = W.servers[0].control
    recs = {r.rid: r for p in W.recs for r in W.recs[p]}
    keys = sorted({k for r in recs.values() for k in r.reads})
    final = {k: (json.loads(v) if v else ['', []]) for k, v in zip(keys, s.cmd('MGET', *keys))}
    # 1. every record once in every key it writes, same attempt in each, in the order of its partition
    want = {k: collections.Counter(r.rid for r in recs.values() if k in r.writes) for k in keys}
    entry = {}
    for k in keys:
        log = final[k][1]
        count = collections.Counter(x[0] for x in log)
        bad['record lost'] += sum((want[k] - count).values())
        bad['record twice'] += sum((count - want[k]).values())
        last = {}
        for rid, seen, only_read in log:
            r = recs[rid]
            bad['out of order'] += last.get(r.part, -1) >= r.off
            last[r.part] = r.off
            bad['half of two attempts'] += entry.setdefault(rid, (seen, only_read)) != (seen, only_read)
    # 2. one serial history explains all values: order the records by what each key says, then fold again
    order, rows = serial(final, recs, entry) if not +bad else (None, None)
    truth = {}
    if order is None and not +bad:
        bad['no serial history'] += 1
    last_derived, derived_now = {}, {}
    if order is not None:
        rows = {k: ('', []) for k in keys}
        prefixes = {k: {''} for k in keys}
        for rid in order:
            r = recs[rid]
            truth[rid + '#0'] = fold(r, rows, entry[rid][0])
            truth[rid + '#1'] = 'plain'
            for k in r.writes:
                prefixes[k].add(rows[k][0])
            for row, field, *_ in r.dims:
                last_derived[row] = derived(r, rows)
        bad['value is not the fold'] += sum(rows[k][0] != final[k][0] for k in keys)
        for rid, (seen, _) in entry.items():
            r = recs[rid]
            if r.table:
                bad['table value never was'] += not 0 <= int(seen[1:]) <= W.table[r.user]
            elif r.other:
                bad['other lane value never was'] += seen[1:] not in prefixes.get(r.other, {''})
        # 3. outputs
        marked = marks(W, order, recs)
        copies = collections.defaultdict(list)
        for i, e, body in W.emitted:
            copies[i].append((e, body))
        for i, body in truth.items():
            got = copies.get(i, [])
            if not got:
                bad['output missing'] += 1
                continue
            differs = any(b != body for _, b in got)
            W.stats['outputs'] += 1
            W.stats['copies'] += len(got)
            if differs and i[:-2] in marked and i.endswith('#0'):
                W.stats['marked outputs that differ'] += 1
                W.stats['first copy is not the applied one'] += got[0][1] != body
                newest = max(e for e, _ in got)
                bad['newest copy is not the applied one'] += [b for e, b in got if e == newest][-1] != body
            elif differs:
                bad['output differs'] += 1
            bad['applied output never sent'] += all(b != body for _, b in got)
    # 4. dimension rows
    if c.dims:
        d = W.servers[c.dims_server].control
        sent = set(W.msgs)
        dims_row = {r.rid: r.dims[0][0] for r in recs.values() if r.dims}
        told = collections.defaultdict(list)
        for m in W.msgs:
            told[dims_row[m[0]], m[1]].append((ast.literal_eval(m[4]), m[3]))
        history = set()
        for user in range(c.users):
            v = d.cmd('GET', W.row(user))
            row = json.loads(v) if v else {'F': {}, 'H': []}
            if order is not None:
                got = row['F'].get('f', [None])[0]
                bad['derived field is not the state'] += got != last_derived.get(user)
            for field in 'ig':
                writes = [(x[3], x[2]) for p in W.recs for r in W.recs[p] for x in r.dims if x[0] == user and x[1] == field]
                bad['field is not the latest'] += row['F'].get(field, [None])[0] != (max(writes)[1] if writes else None)
            for field in 'fg':
                if told[user, field]:
                    value = str(row['F'].get(field, [None])[0])
                    stale = max(told[user, field], key=lambda x: x[0])[1] != value
                    W.stats['fields whose newest message is stale'] += stale
                    W.stats['fields whose last message is stale'] += told[user, field][-1][1] != value
                    W.stats['fields told'] += 1
                    bad['newest message is stale'] += c.newest and stale
            for h in row['H']:
                if due(h):
                    m = tuple(map(str, h))
                    history.add(m)
                    bad['message lost'] += m not in sent
        W.stats['messages due'] += len(history)
        W.stats['messages sent'] += len(W.msgs)
        W.stats['messages of no change'] += sum(m not in history for m in sent)
    return +bad


def serial(final, recs, entry):
    after = collections.defaultdict(set)
    for k, (_, log) in final.items():
        for x, y in zip(log, log[1:]):
            after[x[0]].add(y[0])
    for rid, (_, only_read) in entry.items():
        for k, n in only_read.items():
            log = final[k][1]
            if n > len(log):
                return None, None
            if n:
                after[log[n - 1][0]].add(rid)
            if n < len(log):
                after[rid].add(log[n][0])
    waiting = collections.Counter(y for x in after for y in after[x])
    ready, order = [r for r in entry if not waiting[r]], []
    while ready:
        x = ready.pop()
        order.append(x)
        for y in after[x]:
            waiting[y] -= 1
            if not waiting[y]:
                ready.append(y)
    return (order, None) if len(order) == len(entry) else (None, None)


def marks(W, order, recs):
    """Records whose output may differ. direct: reads a table or another lane. transitive: or a state such a record has written.
    Merged topics: every record of a key that more than one topic writes."""
    tainted, out = set(), set()
    for rid in order:
        r = recs[rid]
        if r.table or r.other or len(W.c.topics) > 1 and W.c.mark != 'direct' or W.c.mark == 'transitive' and tainted & set(r.reads):
            out.add(rid)
            tainted |= set(r.writes)
    return out


# ---------------------------------------------------------------- scenarios: name, holds?, what, settings
def scenarios():
    fast = dict(standing=True, cache=True)
    merged = dict(KAFKA_COLOCATE)
    everything = dict(tables=True, others=True)
    dims = dict(dims=True, records=14)
    moves = dict(kill=False, zombie=False, tail=False, cut=False)
    list_ = [
        ('lanes', True, 'several states a record, two partitions share lanes, partitions move', {}),
        ('lanes_both', True, '… both HMGETs, as delivery.md has it', dict(hm='both')),
        ('lanes_first', False, '… only the first HMGET (before MGET)', dict(hm='first')),
        ('lanes_no_e', True, '… load compares o alone', dict(compare='o')),
        ('others_tables', True, 'tables that change, keys of other lanes; transitive marks', everything),
        ('marks_direct', False, '… only what reads a table itself is marked', dict(everything, mark='direct')),
        ('resolve_read', False, '… lost reply: read p and go on, no claim', dict(everything, resolve='read')),
        ('epoch_int', False, '… epoch by HINCRBY', dict(everything, epoch='int')),
        ('standing', True, 'standing WATCH, no cache', dict(everything, standing=True)),
        ('cached', True, 'standing WATCH and cached rows', dict(everything, **fast)),
        ('cached_no_verify', False, '… no HMGET after the new WATCH', dict(everything, verify_rewatch=False, **fast)),
        ('cached_load_unchecked', False, '… HMGET after the new WATCH, none at the load', dict(everything, hm='none', **fast)),
        ('cached_moves', True, '… partitions move, no other fault', dict(moves, **fast)),
        ('cached_moves_keep_rows', False, '… rows kept when a partition leaves and comes back', dict(moves, keep_cache=True, **fast)),
        ('cached_reconnect', False, '… client reconnects by itself', dict(everything, reconnect_silently=True, **fast)),
        ('cached_resolve_read', False, '… lost reply: read p and go on, rows kept', dict(everything, resolve='read', **fast)),
        ('cached_no_e', True, '… load compares o alone', dict(everything, compare='o', **fast)),
        ('merged_split', False, 'A-i and B-i at different workers, WATCH p', dict(merged, split=True)),
        ('merged_split_watch_states', True, '… WATCH the states too', dict(merged, split=True, watch_states=True)),
        ('merged_one_p', True, '… one p for A-i and B-i, no hold', dict(merged, split=True, layout='pg')),
        ('merged_hold', True, '… p each, a worker works only with both', dict(merged, hold=True)),
        ('merged_one_p_hold', True, '… one p and hold', dict(merged, hold=True, layout='pg')),
        ('merged_one_p_hold_cached', True, '… and standing WATCH, cached rows', dict(merged, hold=True, layout='pg', **fast)),
        ('merged_split_cached_watch_states', False, '… split, states WATCHed at load, rows cached', dict(merged, split=True, watch_states=True, **fast)),
        ('merged_unmarked', False, '… outputs of merged streams held to be the same', dict(merged, hold=True, layout='pg', mark='direct')),
        ('dims', True, 'dimension rows, row CAS, stamp (offset, epoch)', dict(dims, **everything)),
        ('dims_cached', True, '… and standing WATCH, cached rows', dict(dims, **everything, **fast)),
        ('dims_newest', False, '… a reader that keeps the greatest stamp must end with the row', dict(dims, **everything, newest=True)),
        ('dims_newest_correct', True, '… and changes in doubt send the value as it stands', dict(dims, **everything, newest=True, correct=True)),
        ('dims_cas_read', True, '… messages again only if a field read for them changed', dict(dims, **everything, rows='cas_read')),
        ('dims_cas_written', False, '… only if a field written changed', dict(dims, **everything, rows='cas_written')),
        ('dims_no_cas', False, '… by stamp, no look back', dict(dims, **everything, rows='no_cas')),
        ('dims_write_first', False, '… row before message', dict(dims, **everything, rows='write_first')),
        ('dims_after_save', False, '… rows after the lane save', dict(dims, **everything, rows_when='after_save')),
        ('dims_stamp_off', False, '… stamp offset alone', dict(dims, **everything, stamp='off')),
        ('dims_stamp_int', False, '… stamp (offset, HINCRBY epoch)', dict(dims, **everything, epoch='int')),
        ('dims_epoch_seq', True, '… stamp (epoch, sequence)', dict(dims, **everything, stamp='epoch_seq')),
        ('dims_other_store', True, '… rows in a store that does not roll back', dict(dims, **everything, dims_server=1)),
        ('dims_other_store_int', False, '… the same, HINCRBY epoch', dict(dims, **everything, dims_server=1, epoch='int')),
        ('dims_other_store_tail', False, '… only the rows\' store loses its tail', dict(dims, **everything, dims_server=1, tail_server=1)),
        ('dims_merged_off', False, '… merged streams, stamp (offset, epoch)', dict(dims, topics=('A', 'B'), hold=True, layout='pg', records=9)),
        ('dims_merged_count', True, '… merged streams, stamp (count in lane state, epoch)', dict(dims, topics=('A', 'B'), hold=True, layout='pg', records=9, stamp='count_epoch')),
        ('dims_merged_seq', True, '… merged streams, stamp (epoch, sequence)', dict(dims, topics=('A', 'B'), hold=True, layout='pg', records=9, stamp='epoch_seq')),
        ('break_no_load_check', False, 'break: load is not checked', dict(hm='none')),
        ('break_no_load_check_cached', False, 'break: load is not checked, cached', dict(hm='none', verify_rewatch=False, **fast)),
        ('break_no_fence', False, 'break: plain MSET, no WATCH, no check', dict(fence=False)),
        ('break_save_first', False, 'break: save, then emit', dict(save_first=True)),
        ('break_kafka_start', False, 'break: start from Kafka\'s offset', dict(kafka_start=True)),
    ]
    return {n: (ok, what, dict(BASE, **extra)) for n, ok, what, extra in list_}


# a seed whose round is wrong, for --quick
WITNESS = {
    'lanes_first': 16, 'marks_direct': 2, 'resolve_read': 14, 'epoch_int': 27, 'cached_no_verify': 13, 'cached_load_unchecked': 5,
    'cached_moves_keep_rows': 2, 'cached_reconnect': 6, 'cached_resolve_read': 9, 'merged_split': 1,
    'merged_split_cached_watch_states': 2, 'merged_unmarked': 1, 'dims_newest': 8, 'dims_cas_written': 18, 'dims_no_cas': 15,
    'dims_write_first': 4, 'dims_after_save': 1, 'dims_stamp_off': 1, 'dims_stamp_int': 46, 'dims_other_store_int': 32,
    'dims_other_store_tail': 4, 'dims_merged_off': 2, 'break_no_load_check': 6, 'break_no_load_check_cached': 46, 'break_no_fence': 2,
    'break_save_first': 0, 'break_kafka_start': 0}


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--scenario', action='append')
    a.add_argument('--rounds', type=int)
    a.add_argument('--seed', type=int)
    a.add_argument('--port', type=int, default=7461)
    for flag in ('verbose', 'quick', 'list'):
        a.add_argument('--' + flag, action='store_true')
    a = a.parse_args()
    table = scenarios()
    if a.list:
        for n, (ok, what, _) in table.items():
            print('%-34s %-7s %s' % (n, {True: 'holds', False: 'caught'}[ok], what))
        return
    servers, run, failed = [], 0, []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        servers += [Server(a.port), Server(a.port + 1)]
        for name in a.scenario or table:
            ok, what, cfg = table[name]
            seeds = [a.seed] if a.seed is not None else range(a.rounds) if a.rounds else range(200 if ok else 120)
            if a.quick:
                seeds = range(4) if ok else [WITNESS[name]]
            kinds, stats, wrong, begun = collections.Counter(), collections.Counter(), [], time.time()
            for seed in seeds:
                if run % 15 == 0:
                    for s in servers:
                        s.stop()
                        s.boot(True)
                run += 1
                W = World(name, cfg, seed, servers, run, a.verbose)
                stuck = W.run_round()
                bad = collections.Counter({'livelock': 1}) if stuck else check_round(W)
                stats += W.stats
                stats['steps'] += W.steps
                for w in list(W.workers.values()):
                    W.stop_worker(w)
                for conn, _ in W.late:
                    conn.close()
                if bad:
                    wrong.append(seed)
                    kinds += collections.Counter({k: 1 for k in bad})
                    if a.verbose:
                        print('seed', seed, dict(bad))
            good = a.seed is not None or (not wrong) == ok
            if not good:
                failed.append(name)
            print('%-33s %s %3d/%3d wrong%s%s' % (
                name, {True: 'holds ', False: 'caught'}[ok] if good else 'UNEXPECTED', len(wrong), len(seeds), ' (rounds: %s)' % ', '.join('%s %d' % x for x in kinds.most_common()) if kinds else '',
                ' seeds %s' % ','.join(map(str, wrong[:6])) if wrong else ''))
            if not a.quick:
                print('    %s, %.0f s' % (', '.join('%s %d' % x for x in sorted(stats.items())), time.time() - begun), flush=True)
    finally:
        for s in servers:
            s.remove()
    print('UNEXPECTED: ' + ', '.join(failed) if failed else 'all as expected')
    sys.exit(bool(failed))


if __name__ == '__main__':
    main()
