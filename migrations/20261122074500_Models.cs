using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>Imported models: the teachers of distillation.</summary>
[DbContext(typeof(SmtWebDbContext))]
[Migration("20261122074500_Models")]
public sealed class Models : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            name: "models",
            columns: table => new
            {
                id = table.Column<long>(type: "bigint", nullable: false)
                    .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                name = table.Column<string>(type: "text", nullable: false),
                description = table.Column<string>(type: "jsonb", nullable: false),
                bytes = table.Column<long>(type: "bigint", nullable: false),
                chunks = table.Column<int>(type: "integer", nullable: false),
                sha256 = table.Column<string>(type: "text", nullable: false),
                at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                by = table.Column<string>(type: "text", nullable: false),
            },
            constraints: table => table.PrimaryKey("PK_models", x => x.id));
        migrationBuilder.CreateIndex(name: "IX_models_name", table: "models", column: "name", unique: true);
        migrationBuilder.CreateTable(
            name: "model_chunks",
            columns: table => new
            {
                model_id = table.Column<long>(type: "bigint", nullable: false),
                index = table.Column<int>(type: "integer", nullable: false),
                sha256 = table.Column<byte[]>(type: "bytea", nullable: false),
                bytes = table.Column<byte[]>(type: "bytea", nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_model_chunks", x => new { x.model_id, x.index });
                table.ForeignKey("FK_model_chunks_models_model_id", x => x.model_id, "models", "id", onDelete: ReferentialAction.Cascade);
            });

        // Weights do not compress; trying costs most of the time of storing them.
        migrationBuilder.Sql("ALTER TABLE model_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;");
    }

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.DropTable("model_chunks");
        migrationBuilder.DropTable("models");
    }
}
