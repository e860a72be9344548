package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"math/rand"
	"strconv"
	"sync"
	"time"
)

const shortestPause, longestPause = 250 * time.Millisecond, 5 * time.Second

// Revocations follows the feed in the background.
type Revocations struct {
	verifier *Verifier
	url      string
	wait     int64

	cursor, poll, newestIat, newestTo int64
	readAllAt                         time.Time

	mutex   sync.RWMutex
	known   map[string]fact // by kind and digest
	freshAt time.Time
}

type fact struct {
	number int64
	until  time.Time
	but    string
}

type page struct {
	Iss, Jwks      string
	Iat, After, To int64
	More           *bool
	Ended          []entry
}

type entry struct {
	H, But        string
	U, Epoch, Rev *int64
}

// Follow begins. url: where this program reaches the feed; if empty, at the issuer's URL. wait: seconds, a third at
// most of the age that you accept.
func Follow(v *Verifier, url string, wait int64) *Revocations {
	if url == "" {
		url = v.issuer + "/revocations"
	}
	r := &Revocations{verifier: v, url: url, wait: wait, known: make(map[string]fact)}
	go r.follow()
	return r
}

// Age is centuries before the feed was read for the first time.
func (r *Revocations) Age() time.Duration {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	return time.Since(r.freshAt)
}

func (r *Revocations) Refuses(c *Claims) bool {
	sid, jti, sub := digest("sid:"+c.Sid), digest("jti:"+c.Jti), digest("sub:"+c.Sub)
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	user, all, rights := r.known["epoch "+sub], r.known["epoch "], r.known["rev "+sub]
	ended := r.known["ended "+sid].number > 0 || r.known["ended "+jti].number > 0
	return ended || user.number > c.Epoch && user.but != sid || all.number > c.Epoch || rights.number > c.Rev
}

func (r *Revocations) follow() {
	chance := rand.New(rand.NewSource(time.Now().UnixNano()))
	for longest := shortestPause; ; {
		if r.cursor == 0 {
			r.readAllAt = time.Now().Add(time.Duration(240+chance.Intn(120)) * time.Second)
		}
		pause, err := r.ask()
		if err == nil {
			longest = shortestPause
		} else {
			if longest == shortestPause {
				log.Printf("%s: %v", r.url, err)
			}
			pause = longest/2 + time.Duration(chance.Int63n(int64(longest/2)))
			if errors.Is(err, badStatus(404)) {
				pause = time.Minute
			}
			if longest *= 2; longest > longestPause {
				longest = longestPause
			}
		}
		time.Sleep(pause)
	}
}

// Asks for a page. Whatever goes wrong, what is known stays known.
func (r *Revocations) ask() (pause time.Duration, err error) {
	askedAt, p := time.Now(), page{Iat: -1, After: -1}
	url := fmt.Sprintf("%s?after=%d&wait=%d", r.url, r.cursor, r.poll)
	text, headers, err := download(url, time.Duration(r.poll+10)*time.Second, 1<<23)
	if err != nil {
		return 0, err
	}
	if err := r.verifier.signed(string(text), "revocations+jwt", &p); err != nil {
		return 0, err
	}
	if p.Iss != r.verifier.issuer || !p.isWhole() || p.After > r.cursor {
		return 0, errors.New("not a page of the feed")
	}
	r.verifier.published(p.Jwks)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.learn(&p)
	// After a restore of the database, and every five minutes, everything is read again, and added.
	readAll, more := p.To < r.cursor || !*p.More && askedAt.After(r.readAllAt), *p.More
	isNews := p.Iat > r.newestIat || p.Iat == r.newestIat && p.To > r.newestTo
	if more {
		isNews = p.To > r.cursor
	} else if isNews {
		r.newestIat, r.newestTo, r.freshAt = p.Iat, p.To, askedAt
	}
	r.cursor, r.poll = p.To, r.wait
	if readAll {
		r.cursor = 0
	}
	if readAll || more {
		r.poll = 0
	}
	seconds, _ := strconv.Atoi(headers.Get("Retry-After"))
	if pause = time.Duration(seconds) * time.Second; pause > longestPause {
		pause = longestPause
	}
	if !isNews && pause <= 0 {
		return 0, errors.New("not newer than what is known")
	}
	return pause, nil
}

func (p *page) isWhole() bool {
	for _, e := range p.Ended {
		if e.U == nil {
			return false
		}
	}
	return p.Iat >= 0 && p.After >= 0 && p.To >= p.After && p.More != nil && p.Jwks != "" && p.Ended != nil
}

func (r *Revocations) learn(p *page) {
	now := time.Now()
	for name, held := range r.known {
		if now.After(held.until) {
			delete(r.known, name)
		}
	}
	for _, e := range p.Ended {
		seconds := *e.U - p.Iat
		if seconds > 7200 {
			seconds = 7200
		}
		until := now.Add(time.Duration(seconds) * time.Second)
		if e.Epoch != nil {
			r.add("epoch "+e.H, fact{*e.Epoch, until, e.But})
		}
		if e.Rev != nil {
			r.add("rev "+e.H, fact{*e.Rev, until, ""})
		}
		if e.Epoch == nil && e.Rev == nil {
			r.add("ended "+e.H, fact{1, until, ""})
		}
	}
}

// The highest number wins.
func (r *Revocations) add(name string, new fact) {
	held := r.known[name]
	if new.number > held.number || new.number == held.number && new.until.After(held.until) {
		r.known[name] = new
	}
}

func digest(text string) string {
	hash := sha256.Sum256([]byte(text))
	return base64url.EncodeToString(hash[:16])
}
