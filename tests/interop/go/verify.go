package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const leeway = 5 * time.Second

// Marks a claim that the token lacks, since an empty scope is a scope.
const missing = "\x00"

// ErrCannotVerify: no keys could be fetched yet, and nothing can be said about the token. Answer 503, not 401.
var ErrCannotVerify = errors.New("no keys to verify with yet")

var base64url = base64.RawURLEncoding.Strict()
var maxAge = regexp.MustCompile(`max-age=(\d+)`)

type Claims struct {
	Iss, Sub, Sid, Jti, Scope string
	ClientID                  string `json:"client_id"`
	Roles                     []string
	Aud, Cnf                  any
	Iat, Exp, Nbf, Epoch, Rev int64
}

type Verifier struct {
	issuer, audience, keysURL string
	cooldown                  time.Duration
	known                     atomic.Pointer[keySet]
	fetching                  sync.Mutex
	nextTry                   time.Time
}

type keySet struct {
	keys    map[string]*rsa.PublicKey
	etag    string
	staleAt time.Time
}

// NewVerifier fetches nothing. keysURL: where this program reaches the keys; if empty, at the issuer's URL.
func NewVerifier(issuer, audience, keysURL string, cooldown time.Duration) *Verifier {
	if keysURL == "" {
		keysURL = issuer + "/.well-known/jwks.json"
	}
	v := &Verifier{issuer: issuer, audience: audience, keysURL: keysURL, cooldown: cooldown}
	v.known.Store(&keySet{})
	return v
}

// Verify returns the claims of a good access token. The error is ErrCannotVerify (503), or says what is bad (401).
func (v *Verifier) Verify(token string) (*Claims, error) {
	claims := Claims{Scope: missing}
	if len(token) > 8192 {
		return nil, errors.New("not a token")
	}
	if err := v.signed(token, "at+jwt", &claims); err != nil {
		return nil, err
	}
	if err := v.check(&claims, time.Now()); err != nil {
		return nil, err
	}
	return &claims, nil
}

// The claims of what is signed with a published key, if it is of this type.
func (v *Verifier) signed(token, typ string, claims any) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("not a token")
	}
	var header struct {
		Alg, Typ, Kid string
		Crit          any
	}
	if err := decode(parts[0], &header); err != nil || header.Alg != "RS256" || header.Crit != nil {
		return errors.New("not signed as it must be")
	}
	if strings.TrimPrefix(strings.ToLower(header.Typ), "application/") != typ {
		return errors.New("not of the type " + typ)
	}
	key, err := v.key(header.Kid)
	if err != nil {
		return err
	}
	signature, err := base64url.DecodeString(parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
		return errors.New("a wrong signature")
	}
	return decode(parts[1], claims)
}

func (v *Verifier) check(c *Claims, now time.Time) error {
	switch {
	case c.Iss != v.issuer:
		return errors.New("another issuer")
	case !names(c.Aud, v.audience):
		return errors.New("another audience")
	case c.Sub == "" || c.Sid == "" || c.Jti == "" || c.ClientID == "" || c.Scope == missing || c.Iat == 0:
		return errors.New("a claim is missing")
	case !now.Before(time.Unix(c.Exp, 0).Add(leeway)):
		return errors.New("expired")
	case now.Add(leeway).Before(time.Unix(c.Nbf, 0)), now.Add(leeway).Before(time.Unix(c.Iat, 0)):
		return errors.New("not valid yet")
	case c.Cnf != nil:
		return errors.New("bound to its holder's key, which is not checked here")
	}
	return nil
}

func names(aud any, audience string) bool {
	if list, ok := aud.([]any); ok {
		for _, one := range list {
			if one == audience {
				return true
			}
		}
	}
	return aud == audience
}

func (v *Verifier) key(kid string) (*rsa.PublicKey, error) {
	known := v.known.Load()
	if known.keys[kid] == nil {
		v.fetching.Lock()
		v.fetchIfDue(kid)
		v.fetching.Unlock()
	} else if time.Now().After(known.staleAt) && v.fetching.TryLock() {
		// One call fetches; the others go on with the key that they have.
		v.fetchIfDue(kid)
		v.fetching.Unlock()
	}
	known = v.known.Load()
	if len(known.keys) == 0 {
		return nil, ErrCannotVerify
	}
	if known.keys[kid] == nil {
		return nil, errors.New("an unknown key")
	}
	return known.keys[kid], nil
}

// What the revocation feed says is published now: other keys than these are fetched, once per cooldown at most.
func (v *Verifier) published(etag string) {
	v.fetching.Lock()
	defer v.fetching.Unlock()
	if known := v.known.Load(); known.etag != "" && known.etag != etag {
		v.known.Store(&keySet{keys: known.keys, etag: known.etag})
		v.fetchIfDue("")
	}
}

// Fetches keys that are stale or lack that id, once per cooldown at most. If that fails, the current ones stay.
func (v *Verifier) fetchIfDue(kid string) {
	known := v.known.Load()
	if time.Now().Before(v.nextTry) || known.keys[kid] != nil && time.Now().Before(known.staleAt) {
		return
	}
	if keys, err := fetchKeys(v.keysURL); err != nil {
		log.Printf("no new keys from %s: %v", v.keysURL, err)
	} else {
		v.known.Store(keys)
	}
	wait := v.cooldown
	if len(v.known.Load().keys) == 0 && wait > time.Second {
		wait = time.Second
	}
	v.nextTry = time.Now().Add(wait)
}

func fetchKeys(url string) (*keySet, error) {
	var set struct {
		Keys []struct{ Kid, Kty, Use, Alg, N, E string }
	}
	body, headers, err := download(url, 5*time.Second, 1<<18)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, err
	}
	keys := make(map[string]*rsa.PublicKey)
	for _, key := range set.Keys {
		n, badN := base64url.DecodeString(key.N)
		e, badE := base64url.DecodeString(key.E)
		known := key.Kid != "" && key.Kty == "RSA" && key.Use == "sig" && key.Alg == "RS256"
		if known && badN == nil && badE == nil && len(n) >= 256 && len(e) <= 4 {
			exponent := int(new(big.Int).SetBytes(e).Int64())
			keys[key.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: exponent}
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no usable key")
	}
	seconds := 300
	if found := maxAge.FindStringSubmatch(headers.Get("Cache-Control")); found != nil {
		seconds, _ = strconv.Atoi(found[1])
	}
	age, _ := strconv.Atoi(headers.Get("Age"))
	staleAt := time.Now().Add(time.Duration(seconds-age) * time.Second)
	return &keySet{keys, strings.TrimPrefix(headers.Get("ETag"), "W/"), staleAt}, nil
}

// Any status but 200.
type badStatus int

func (status badStatus) Error() string {
	return "status " + strconv.Itoa(int(status))
}

// A published document, and its headers.
func download(url string, timeout time.Duration, limit int64) ([]byte, http.Header, error) {
	client := http.Client{Timeout: timeout}
	answer, err := client.Get(url)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, nil, badStatus(answer.StatusCode)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, answer.Body, limit))
	return body, answer.Header, err
}

func decode(part string, into any) error {
	bytes, err := base64url.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(bytes, into)
}
