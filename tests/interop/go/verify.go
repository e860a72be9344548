package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

const maxAge, leeway = 5 * time.Minute, 5 * time.Second

var base64url = base64.RawURLEncoding.Strict()
var client = http.Client{Timeout: 5 * time.Second}

type Claims struct {
	Iss, Sub, Sid, Jti, Scope string
	ClientID                  string `json:"client_id"`
	Roles                     []string
	Aud, Cnf                  any
	Iat, Exp, Nbf             int64
}

type Verifier struct {
	issuer, audience, keysURL string
	cooldown                  time.Duration
	lock                      sync.Mutex
	keys                      map[string]*rsa.PublicKey
	asked                     time.Time
}

func NewVerifier(issuer, audience string, cooldown time.Duration) (*Verifier, error) {
	var metadata struct {
		Issuer  string
		KeysURL string `json:"jwks_uri"`
	}
	if err := fetch(issuer+"/.well-known/oauth-authorization-server", &metadata); err != nil {
		return nil, err
	}
	if metadata.Issuer != issuer {
		return nil, errors.New("these are another issuer's metadata")
	}
	return &Verifier{issuer: issuer, audience: audience, keysURL: metadata.KeysURL, cooldown: cooldown}, nil
}

// Verify returns the claims of a good access token, and an error for anything else.
func (v *Verifier) Verify(token string) (*Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > 8192 {
		return nil, errors.New("not a token")
	}
	var header struct {
		Alg, Typ, Kid string
		Crit          any
	}
	if err := decode(parts[0], &header); err != nil || header.Alg != "RS256" || header.Crit != nil {
		return nil, errors.New("not signed as it must be")
	}
	if typ := strings.TrimPrefix(strings.ToLower(header.Typ), "application/"); typ != "at+jwt" {
		return nil, errors.New("not an access token")
	}
	key := v.key(header.Kid)
	if key == nil {
		return nil, errors.New("an unknown key")
	}
	signature, err := base64url.DecodeString(parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
		return nil, errors.New("a wrong signature")
	}
	var claims Claims
	if err := decode(parts[1], &claims); err != nil {
		return nil, err
	}
	return &claims, v.check(&claims, time.Now())
}

func (v *Verifier) check(c *Claims, now time.Time) error {
	switch {
	case c.Iss != v.issuer:
		return errors.New("another issuer")
	case !names(c.Aud, v.audience):
		return errors.New("for somebody else")
	case c.Sub == "" || c.Sid == "" || c.Jti == "" || c.ClientID == "" || c.Iat == 0:
		return errors.New("a claim is missing")
	case !now.Before(time.Unix(c.Exp, 0).Add(leeway)):
		return errors.New("expired")
	case now.Add(leeway).Before(time.Unix(c.Nbf, 0)), now.Add(leeway).Before(time.Unix(c.Iat, 0)):
		return errors.New("not valid yet")
	case c.Cnf != nil:
		return errors.New("bound to a key of its holder, which is not checked here")
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

// The key by that id. Keys are fetched again after maxAge, and once per cooldown for an id that is not known; when
// that fails, those at hand stay.
func (v *Verifier) key(kid string) *rsa.PublicKey {
	v.lock.Lock()
	defer v.lock.Unlock()
	age := time.Since(v.asked)
	if age > maxAge || v.keys[kid] == nil && age > v.cooldown {
		v.asked = time.Now()
		if keys, err := fetchKeys(v.keysURL); err == nil && len(keys) > 0 {
			v.keys = keys
		}
	}
	return v.keys[kid]
}

func fetchKeys(url string) (map[string]*rsa.PublicKey, error) {
	var set struct {
		Keys []struct{ Kid, Kty, Use, Alg, N, E string }
	}
	if err := fetch(url, &set); err != nil {
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
	return keys, nil
}

func fetch(url string, into any) error {
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return json.NewDecoder(http.MaxBytesReader(nil, answer.Body, 1<<18)).Decode(into)
}

func decode(part string, into any) error {
	bytes, err := base64url.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(bytes, into)
}
