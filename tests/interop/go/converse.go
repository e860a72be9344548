package main

import (
	"bufio"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"
)

// Reads tokens, a line each, and says what the verifier makes of them: `ok <subject>`, `refused <why>`, or
// `unavailable <why>` when it cannot tell. With the address of a revocation feed, it follows that too: what has ended is
// `refused ended`, and `age` is answered with the feed's, in seconds.
func main() {
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	if err != nil {
		log.Fatal(err)
	}
	verifier := NewVerifier(os.Args[1], os.Args[2], os.Args[4], time.Duration(seconds*float64(time.Second)))
	var revocations *Revocations
	if len(os.Args) > 5 {
		revocations = Follow(verifier, os.Args[5], 25)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if lines.Text() == "age" {
			fmt.Println("age", revocations.Age().Seconds())
			continue
		}
		switch claims, err := verifier.Verify(lines.Text()); {
		case err == nil && revocations != nil && revocations.Refuses(claims):
			fmt.Println("refused ended")
		case err == nil:
			fmt.Println("ok", claims.Sub)
		case errors.Is(err, ErrCannotVerify):
			fmt.Println("unavailable", err)
		default:
			fmt.Println("refused", err)
		}
	}
}
