package config

import (
	"os"
	"reflect"
	"regexp"
	"testing"

	"github.com/BurntSushi/toml"
)

// TestExample holds that contrib/config/containers.conf has every key that rc reads, and no other.
func TestExample(t *testing.T) {
	data, err := os.ReadFile("../../contrib/config/containers.conf")
	if err != nil {
		t.Fatal(err)
	}
	// Commented keys, and the lines of their lists, are "#" without a blank behind it, or with two.
	text := regexp.MustCompile(`(?m)^#([a-z_]+ = |  |\])`).ReplaceAllString(string(data), "$1")
	var conf containersConf
	meta, err := toml.Decode(text, &conf)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range meta.Undecoded() {
		t.Errorf("rc reads no %s", key)
	}
	sections := reflect.TypeFor[containersConf]()
	for section := range sections.Fields() {
		for field := range section.Type.Fields() {
			if key := field.Tag.Get("toml"); !meta.IsDefined(section.Tag.Get("toml"), key) {
				t.Errorf("[%s] %s is not in the file", section.Tag.Get("toml"), key)
			}
		}
	}
	// As it is shipped it changes nothing.
	if meta, err = toml.Decode(string(data), &containersConf{}); err != nil || len(meta.Keys()) != sections.NumField() {
		t.Errorf("%v: %v", err, meta.Keys())
	}
}
