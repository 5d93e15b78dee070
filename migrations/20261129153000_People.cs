using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>Owners and trash of runs, scopes and ends of keys, sessions, the audit log, answers that are given again.</summary>
[DbContext(typeof(SmtWebDbContext))]
[Migration("20261129153000_People")]
public sealed class People : Migration
{
    // By the database and not by the code that changes a row, so that no way of losing a right is forgotten.
    private const string Departures =
        """
        CREATE FUNCTION smtweb_departure() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_TABLE_NAME = 'users' THEN PERFORM pg_notify('smtweb_people', OLD.id);
            ELSIF TG_TABLE_NAME = 'sessions' THEN PERFORM pg_notify('smtweb_people', OLD.user_id);
            ELSE PERFORM pg_notify('smtweb_people', OLD.owner_id);
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER users_departure AFTER UPDATE ON users FOR EACH ROW
            WHEN (OLD.security_stamp IS DISTINCT FROM NEW.security_stamp OR OLD.lockout_end IS DISTINCT FROM NEW.lockout_end) EXECUTE FUNCTION smtweb_departure();
        CREATE TRIGGER sessions_departure AFTER DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION smtweb_departure();
        CREATE TRIGGER api_keys_departure AFTER UPDATE ON api_keys FOR EACH ROW
            WHEN (OLD.revoked IS DISTINCT FROM NEW.revoked) EXECUTE FUNCTION smtweb_departure();
        """;

    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<string>(name: "owner_id", table: "runs", type: "text", nullable: true);
        migrationBuilder.AddColumn<DateTimeOffset>(name: "trashed", table: "runs", type: "timestamp with time zone", nullable: true);
        migrationBuilder.AddColumn<string>(name: "trashed_by", table: "runs", type: "text", nullable: true);
        migrationBuilder.AddColumn<string>(name: "trashed_from", table: "runs", type: "text", nullable: true);
        migrationBuilder.CreateIndex(name: "runs_trash", table: "runs", column: "trashed", filter: "trashed IS NOT NULL");
        migrationBuilder.Sql("UPDATE runs SET owner_id = users.id FROM users WHERE users.user_name = runs.created_by");
        migrationBuilder.AddColumn<DateTimeOffset>(name: "expires", table: "api_keys", type: "timestamp with time zone", nullable: true);
        migrationBuilder.AddColumn<string[]>(name: "scopes", table: "api_keys", type: "text[]", nullable: false, defaultValueSql: "'{read,generate,run}'");
        migrationBuilder.Sql("ALTER TABLE api_keys ALTER COLUMN scopes DROP DEFAULT");
        migrationBuilder.CreateTable(
            name: "sessions",
            columns: table => new
            {
                id = table.Column<Guid>(type: "uuid", nullable: false),
                user_id = table.Column<string>(type: "text", nullable: false),
                created = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                seen = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_sessions", x => x.id);
                table.ForeignKey("FK_sessions_users_user_id", x => x.user_id, "users", "id", onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.CreateIndex(name: "IX_sessions_user_id", table: "sessions", column: "user_id");
        migrationBuilder.CreateTable(
            name: "audit",
            columns: table => new
            {
                id = table.Column<long>(type: "bigint", nullable: false)
                    .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                action = table.Column<string>(type: "text", nullable: false),
                actor = table.Column<string>(type: "text", nullable: false),
                key_id = table.Column<long>(type: "bigint", nullable: true),
                address = table.Column<string>(type: "text", nullable: true),
                subject = table.Column<string>(type: "text", nullable: false),
                detail = table.Column<string>(type: "text", nullable: false),
            },
            constraints: table => table.PrimaryKey("PK_audit", x => x.id));
        migrationBuilder.CreateIndex(name: "IX_audit_at", table: "audit", column: "at");
        migrationBuilder.CreateTable(
            name: "answers",
            columns: table => new
            {
                owner_id = table.Column<string>(type: "text", nullable: false),
                key = table.Column<string>(type: "text", nullable: false),
                request = table.Column<string>(type: "text", nullable: false),
                created = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                status = table.Column<int>(type: "integer", nullable: true),
                location = table.Column<string>(type: "text", nullable: true),
                content_type = table.Column<string>(type: "text", nullable: true),
                body = table.Column<byte[]>(type: "bytea", nullable: true),
            },
            constraints: table => table.PrimaryKey("PK_answers", x => new { x.owner_id, x.key }));
        migrationBuilder.Sql(Departures);
    }

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(
            "DROP TRIGGER users_departure ON users; DROP TRIGGER sessions_departure ON sessions; DROP TRIGGER api_keys_departure ON api_keys; DROP FUNCTION smtweb_departure();");
        migrationBuilder.DropTable("answers");
        migrationBuilder.DropTable("audit");
        migrationBuilder.DropTable("sessions");
        migrationBuilder.DropColumn(name: "scopes", table: "api_keys");
        migrationBuilder.DropColumn(name: "expires", table: "api_keys");
        migrationBuilder.DropIndex(name: "runs_trash", table: "runs");
        foreach (var column in (string[])["owner_id", "trashed", "trashed_by", "trashed_from"])
        {
            migrationBuilder.DropColumn(name: column, table: "runs");
        }
    }
}
