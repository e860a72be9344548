package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"
)

// Reads tokens, a line each, and says what the verifier makes of them: `ok <subject>` or `refused <why>`.
func main() {
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := NewVerifier(os.Args[1], os.Args[2], time.Duration(seconds*float64(time.Second)))
	if err != nil {
		log.Fatal(err)
	}
	tokens := bufio.NewScanner(os.Stdin)
	for tokens.Scan() {
		if claims, err := verifier.Verify(tokens.Text()); err != nil {
			fmt.Println("refused", err)
		} else {
			fmt.Println("ok", claims.Sub)
		}
	}
}
