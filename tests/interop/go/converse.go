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
// `unavailable <why>` when it cannot tell.
func main() {
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	if err != nil {
		log.Fatal(err)
	}
	verifier := NewVerifier(os.Args[1], os.Args[2], os.Args[4], time.Duration(seconds*float64(time.Second)))
	tokens := bufio.NewScanner(os.Stdin)
	for tokens.Scan() {
		switch claims, err := verifier.Verify(tokens.Text()); {
		case err == nil:
			fmt.Println("ok", claims.Sub)
		case errors.Is(err, ErrCannotVerify):
			fmt.Println("unavailable", err)
		default:
			fmt.Println("refused", err)
		}
	}
}
